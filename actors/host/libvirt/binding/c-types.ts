/** C's types as the generated declarations name them. */
import type { KoffiFunc } from 'koffi';

/** A C pointer. */
export type Pointer = bigint;

/** A C function: called as it is on this thread, by `.async` on a thread of the pool. */
export type CFunction<T extends (...args: never[]) => unknown> = KoffiFunc<T>;

/** What libvirt made and will free: a connection, a domain; or a function of ours that it calls. */
export type Handle = Pointer | null;

/** A 64-bit integer. A result comes back as a bigint only beyond 2^53. */
export type Wide = number | bigint;

export type Text = string | null;
export type Texts = readonly string[] | null;

type Bytes = Uint8Array<ArrayBuffer>;
type Numbers = Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>;

/** A structure or a list of them, laid out by the caller, or that C has already. */
export type Memory = Bytes | Numbers | Pointer | null;

/** Where C writes a number: the element of a one-element array, or a typed array for many. */
export type OutNumber = [number] | Numbers | Bytes | null;

/** Where C writes a pointer. */
export type OutPointer = [Pointer | null] | BigUint64Array<ArrayBuffer> | null;

/** One C function: the libvirt that had it first, its result, its parameters (`domain: handle, flags: uint`). */
export type Signature = readonly [since: string, result: string, parameters: string];
export type SignatureTable<F> = Readonly<Record<keyof F, Signature>>;
