/** Anything an actor may keep in its context, as plain values of bounded depth and size. */

export interface PlainLimits {
  /** Maps and arrays inside one another. Default 8. */
  readonly maxDepth?: number;
  /** Entries of one map or array. Default 100. */
  readonly maxEntries?: number;
  /** Values altogether. Default 5000. */
  readonly maxValues?: number;
  /** Characters of one text. Default 2000. */
  readonly maxText?: number;
  /** Characters altogether, names included. Default 200,000: well within what a transport takes. */
  readonly maxLetters?: number;
}

/** Something that is not shown. */
export interface Cut {
  /** Path in the value: `hosts.alpha.tenants`; empty for the value itself. */
  readonly at: string;
  /** `opaque`: a function, a symbol, or an instance of a class that does not say what it holds. */
  readonly why: 'depth' | 'entries' | 'values' | 'text' | 'cycle' | 'opaque' | 'bytes' | 'unreadable';
  /** Entries or characters left out. */
  readonly left?: number;
}

export interface Plain {
  /** What JSON and MessagePack can hold; what was cut is marked in its place. */
  readonly value: unknown;
  /** The first 50. */
  readonly cut: readonly Cut[];
}

const MAX_CUTS = 50;

export function toPlain(value: unknown, limits: PlainLimits = {}): Plain {
  const { maxDepth = 8, maxEntries = 100, maxValues = 5000, maxText = 2000, maxLetters = 200_000 } = limits;
  const walk = new Walk({ maxDepth, maxEntries, maxValues, maxText, maxLetters });
  return { value: walk.plain(value, []), cut: walk.cut };
}

class Walk {
  readonly cut: Cut[] = [];
  readonly #limits: Required<PlainLimits>;
  /** Those we are within. */
  readonly #outer = new Set<object>();
  #values = 0;
  #letters = 0;

  constructor(limits: Required<PlainLimits>) {
    this.#limits = limits;
  }

  plain(value: unknown, path: readonly string[]): unknown {
    this.#values += 1;
    if (this.#values > this.#limits.maxValues) return this.#leaveOut(path, 'values');
    if (typeof value === 'string') return this.#text(value, path);
    if (typeof value === 'bigint') return value.toString();
    if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
    if (value === null || value === undefined || typeof value === 'boolean') return value;
    if (typeof value !== 'object') return this.#leaveOut(path, 'opaque', `(${typeof value})`);
    if (this.#outer.has(value)) return this.#leaveOut(path, 'cycle');
    if (this.#outer.size >= this.#limits.maxDepth) return this.#leaveOut(path, 'depth');
    this.#outer.add(value);
    try {
      return this.#composite(value, path);
    } catch {
      return this.#leaveOut(path, 'unreadable');
    } finally {
      this.#outer.delete(value);
    }
  }

  #composite(value: object, path: readonly string[]): unknown {
    if (Array.isArray(value)) return this.#array(value, value.length, path);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
      return this.#leaveOut(path, 'bytes', `(${value.byteLength} bytes)`, value.byteLength);
    }
    if (value instanceof Map) {
      return this.#map(
        mapped(value, ([key, item]) => [keyText(key), item] as const),
        value.size,
        path,
      );
    }
    if (value instanceof Set) return this.#array(value, value.size, path);
    if (value instanceof Error) return this.#text(`${value.name}: ${value.message}`, path);
    if ('toJSON' in value && typeof value.toJSON === 'function') return this.plain(value.toJSON(), path);
    const own = Object.keys(value);
    const entries = mapped(own, (key) => [key, value[key as keyof typeof value] as unknown] as const);
    const shown = this.#map(entries, own.length, path);
    const name = className(value);
    if (name === undefined) return shown;
    const size = 'size' in value && typeof value.size === 'number' ? { size: value.size } : {};
    if (own.length === 0) this.#note(path, 'opaque');
    return { '(class)': name, ...size, ...shown };
  }

  #array(items: Iterable<unknown>, length: number, path: readonly string[]): unknown[] {
    const shown: unknown[] = [];
    for (const item of items) {
      if (shown.length >= this.#limits.maxEntries || this.#isFull()) {
        this.#note(path, 'entries', length - shown.length);
        break;
      }
      shown.push(this.plain(item, [...path, String(shown.length)]) ?? null);
    }
    return shown;
  }

  #map(entries: Iterable<readonly [string, unknown]>, size: number, path: readonly string[]): object {
    const shown: [string, unknown][] = [];
    for (const [key, item] of entries) {
      if (shown.length >= this.#limits.maxEntries || this.#isFull()) {
        this.#note(path, 'entries', size - shown.length);
        break;
      }
      // Our own decoder refuses that name.
      const name = key === '__proto__' ? '(__proto__)' : key;
      shown.push([this.#text(name, path), this.plain(item, [...path, name])]);
    }
    return Object.fromEntries(shown);
  }

  #isFull(): boolean {
    return this.#values >= this.#limits.maxValues || this.#letters >= this.#limits.maxLetters;
  }

  #text(text: string, path: readonly string[]): string {
    const { maxText, maxLetters } = this.#limits;
    const room = Math.min(maxText, maxLetters - this.#letters);
    this.#letters += Math.min(text.length, room);
    if (text.length <= room) return text;
    this.#note(path, 'text', text.length - room);
    return `${text.slice(0, room)}…`;
  }

  #leaveOut(path: readonly string[], why: Cut['why'], shown = `(${why})`, left?: number): string {
    this.#note(path, why, left);
    return shown;
  }

  #note(path: readonly string[], why: Cut['why'], left?: number): void {
    if (this.cut.length >= MAX_CUTS) return;
    this.cut.push({ at: path.join('.').slice(0, 500), why, ...(left !== undefined && { left }) });
  }
}

function* mapped<T, R>(items: Iterable<T>, each: (item: T) => R): Iterable<R> {
  for (const item of items) yield each(item);
}

/** Undefined for plain objects. */
function className(value: object): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return undefined;
  const { name } = value.constructor ?? {};
  return typeof name === 'string' && name !== 'Object' ? name : undefined;
}

function keyText(key: unknown): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'object' && key !== null) return `(${className(key) ?? 'object'})`;
  return String(key);
}
