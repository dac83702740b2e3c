/** What every libvirt object of a connection has: a pointer that is freed exactly once, and the connection's queue. */

import type { Memory, Pointer } from './c-types.ts';
import type { CallQueue } from './calls.ts';
import type { Native } from './declarations.ts';
import { ErrorDomain, LibvirtError } from './errors.ts';
import type { LibvirtFunctions } from './generated/functions.ts';
import { pointersAt } from './structure.ts';
import {
  decodeParameters,
  decodeParametersAt,
  EncodedParameters,
  PARAMETER_SIZE,
  type TypedParameter,
  type TypedParameters,
} from './typed-parameters.ts';

/** What a connection shares with the objects it makes. */
export interface Session {
  readonly calls: CallQueue;
  /** Those that were not freed yet. */
  readonly handles: Set<Handle>;
}

type FreeFunction = Extract<
  keyof LibvirtFunctions,
  `vir${'Domain' | 'DomainSnapshot' | 'DomainCheckpoint' | 'StoragePool' | 'StorageVol' | 'Stream'}Free`
>;

export interface HandleKind {
  /** `domain`. */
  readonly noun: string;
  readonly free: FreeFunction;
  /** virErrorNumber of using one that was freed. */
  readonly invalid: number;
}

/** The pointer of any handle, for calls that take a second one; throws once that was freed. */
export let pointerOf: (handle: Handle) => Pointer;

/** Frees itself at the end of a `using` or `await using` block; what it stands for is left as it is. */
export abstract class Handle implements Disposable, AsyncDisposable {
  protected readonly session: Session;
  readonly #pointer: Pointer;
  readonly #kind: HandleKind;
  #freed = false;

  static {
    pointerOf = (handle) => handle.live();
  }

  /** Takes over one reference to `pointer`. */
  constructor(session: Session, pointer: Pointer, kind: HandleKind) {
    this.session = session;
    this.#pointer = pointer;
    this.#kind = kind;
    session.handles.add(this);
  }

  /** Frees the handle after the calls made so far. Idempotent. */
  [Symbol.dispose](): void {
    if (this.#freed) return;
    this.#freed = true;
    this.session.handles.delete(this);
    const { calls } = this.session;
    calls.afterwards(() => {
      calls.native[this.#kind.free](this.#pointer);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
  }

  protected get calls(): CallQueue {
    return this.session.calls;
  }

  /** The pointer; throws once the handle was freed. */
  protected live(): Pointer {
    if (!this.#freed) return this.#pointer;
    throw new LibvirtError(this.#kind.free, {
      code: this.#kind.invalid,
      domain: ErrorDomain.none,
      level: 2,
      message: `the handle of this ${this.#kind.noun} was freed`,
    });
  }

  /** Asks how many parameters there are, then for them; or only for them if `room` says how many there can be. */
  protected async readParameters(
    ask: (memory: Memory, count: [number]) => Promise<number>,
    room = 0,
  ): Promise<TypedParameters> {
    const count: [number] = [room];
    if (room === 0) await ask(null, count);
    if (count[0] === 0) return {};
    const bytes = new Uint8Array(count[0] * PARAMETER_SIZE);
    await ask(bytes, count);
    try {
      return decodeParameters(bytes, count[0]);
    } finally {
      this.calls.native.virTypedParamsClear(bytes, count[0]);
    }
  }

  /** Decodes and frees a list of parameters that a call made. */
  protected takeParameters(list: Pointer | null, count: number): TypedParameters {
    if (list === null) return {};
    try {
      return decodeParametersAt(list, count);
    } finally {
      this.calls.native.virTypedParamsFree(list, count);
    }
  }

  /** Hands `parameters` to a call. */
  protected async withParameters<R>(
    parameters: readonly TypedParameter[],
    call: (memory: Memory, count: number) => Promise<R>,
  ): Promise<R> {
    using encoded = new EncodedParameters(parameters);
    return await call(encoded.bytes, encoded.count);
  }
}

/** Makes handles of the `count` pointers in a list that a call made, and frees the list. */
export function takeHandles<H>(
  native: Native,
  list: Pointer | null,
  count: number,
  make: (pointer: Pointer) => H,
): H[] {
  if (list === null) return [];
  const handles = pointersAt(list, count).map(make);
  native.free(list);
  return handles;
}
