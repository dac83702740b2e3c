/** Calls into libvirt off the main thread, one at a time per connection, with their errors as exceptions. */
import koffi, { type LibraryHandle } from 'koffi';
import { checkCall, type Native, type Pointer } from './declarations.ts';
import { ErrorCode, LibvirtError, type LibvirtErrorDetail } from './errors.ts';
import type { LibvirtFunctions } from './generated/functions.ts';

type AnyCall = ReturnType<LibraryHandle['func']>;

/** Names of the C functions that return T. */
type Returning<T> = {
  [K in keyof LibvirtFunctions]: LibvirtFunctions[K] extends (...args: never[]) => infer R
    ? [R] extends [T]
      ? K
      : never
    : never;
}[keyof LibvirtFunctions];
export type StatusName = Returning<number>;
export type PointerName = Returning<Pointer | null>;
export type ArgumentsOf<K extends keyof LibvirtFunctions> = LibvirtFunctions[K] extends (
  ...args: infer A
) => unknown
  ? A
  : never;

/** struct _virError. */
const VIR_ERROR = koffi.struct({
  code: 'int',
  domain: 'int',
  message: 'str',
  level: 'int',
  conn: 'void *',
  dom: 'void *',
  str1: 'str',
  str2: 'str',
  str3: 'str',
  int1: 'int',
  int2: 'int',
  net: 'void *',
});

/**
 * The queue of one connection. libvirt keeps the last error per connection, so that a second call at the same time
 * would overwrite the first one's: calls wait for each other. Open another connection for what must not wait.
 */
export class CallQueue {
  readonly native: Native;
  readonly #connection: Pointer;
  #tail: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(native: Native, connection: Pointer) {
    this.native = native;
    this.#connection = connection;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** A call that returns a negative number on failure. */
  status<K extends StatusName>(name: K, ...args: ArgumentsOf<K>): Promise<number> {
    return this.#enqueue(name, args, (result: number) => result < 0);
  }

  /** A call that returns 0 on failure, and otherwise an amount. */
  amount<K extends StatusName>(name: K, ...args: ArgumentsOf<K>): Promise<number> {
    return this.#enqueue(name, args, (result: number) => Number(result) === 0);
  }

  /** A call that returns NULL on failure. */
  pointer<K extends PointerName>(name: K, ...args: ArgumentsOf<K>): Promise<Pointer> {
    return this.#enqueue(name, args, (result: Pointer | null) => result === null) as Promise<Pointer>;
  }

  /** A call that returns a string for its caller to free. */
  async text<K extends PointerName>(name: K, ...args: ArgumentsOf<K>): Promise<string> {
    const pointer = await this.pointer(name, ...args);
    try {
      return koffi.decode.string(pointer);
    } finally {
      this.native.free(pointer);
    }
  }

  /** Runs `release` when the calls before it are through; also after {@link close}. */
  afterwards(release: () => void): void {
    this.#tail = this.#tail.then(release, release);
  }

  /** Runs `last` when the calls before it are through, and refuses every later call. */
  async close(last: () => Promise<void>): Promise<void> {
    this.#closed = true;
    const closing = this.#tail.then(last, last);
    this.#tail = closing.catch(ignore);
    await closing;
  }

  #enqueue<R>(
    name: keyof LibvirtFunctions,
    args: readonly unknown[],
    isFailure: (result: R) => boolean,
  ): Promise<R> {
    if (this.#closed) return Promise.reject(closedError(name));
    const run = async (): Promise<R> => {
      checkCall(name, args);
      const result = await invoke<R>(this.native[name], args);
      if (isFailure(result)) throw this.#lastError(name);
      return result;
    };
    const result = this.#tail.then(run, run);
    this.#tail = result.catch(ignore);
    return result;
  }

  #lastError(name: string): LibvirtError {
    return errorAt(name, this.native.virConnGetLastError(this.#connection));
  }
}

/** Calls `fn` on a thread of the pool. */
export function invoke<R>(fn: AnyCall, args: readonly unknown[]): Promise<R> {
  return new Promise((resolve, reject) => {
    fn.async(...args, (error: unknown, result: R) => (error === null ? resolve(result) : reject(error)));
  });
}

/** The error in the virError at `pointer`. */
export function errorAt(functionName: string, pointer: Pointer | null): LibvirtError {
  return new LibvirtError(functionName, pointer === null ? UNKNOWN : decodeError(pointer));
}

/** Copies the virError at `pointer`. */
export function decodeError(pointer: Pointer): LibvirtErrorDetail {
  const { code, domain, level, message } = koffi.decode(pointer, VIR_ERROR);
  return { code, domain, level, message: message ?? UNKNOWN.message };
}

const UNKNOWN: LibvirtErrorDetail = {
  code: ErrorCode.internal,
  domain: 0,
  level: 2,
  message: 'failed without saying why',
};

function closedError(functionName: string): LibvirtError {
  return new LibvirtError(functionName, {
    code: ErrorCode.invalidConnection,
    domain: 0,
    level: 2,
    message: 'the connection is closed',
  });
}

function ignore(): void {}
