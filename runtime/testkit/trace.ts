/** What happened in a simulation: a list to read, and a digest of everything, so that two runs can be compared. */

/** Older lines make room for newer ones. */
const MAX_LINES = 20_000;

export class Trace {
  readonly #elapsed: () => number;
  #lines: string[] = [];
  #hash = 0x811c9dc5;

  constructor(elapsed: () => number) {
    this.#elapsed = elapsed;
  }

  /** `TIME WHO WHAT`, time in seconds. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Of every line, and of time and place of every message and write. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  tell(who: string, what: string): void {
    const line = this.note(who, what);
    for (let i = 0; i < line.length; i++) this.#mix(line.charCodeAt(i));
  }

  /** Into the list only: what is told to people who asked for more. */
  note(who: string, what: string): string {
    const line = `${(this.#elapsed() / 1_000).toFixed(3)} ${who} ${what}`;
    if (this.#lines.length >= 2 * MAX_LINES) this.#lines = this.#lines.slice(MAX_LINES);
    this.#lines.push(line);
    return line;
  }

  /** Into the digest only: too many for a list. Ids may be random, so `what` should not depend on them. */
  count(who: number, what: number): void {
    this.#mix(Math.round(this.#elapsed() * 1_000));
    this.#mix(who);
    this.#mix(what);
  }

  /** FNV-1a over words. */
  #mix(word: number): void {
    this.#hash = Math.imul(this.#hash ^ (word | 0), 0x01000193);
    this.#hash ^= this.#hash >>> 15;
  }
}
