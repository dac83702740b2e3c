/** Reads C structures of 64-bit, little-endian machines: fields by offset, lists of pointers, strings. */
import type { Pointer } from './c-types.ts';
import { BadArgument } from './errors.ts';
import { copyBytes, readString } from './native.ts';

export const POINTER_SIZE = 8;

/** One structure whose bytes are ours. Integers of 64 bits become numbers: exact below 2^53. */
export class Structure {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;

  /** Room for C to fill in, or a copy of what is there. */
  constructor(from: number | Uint8Array<ArrayBuffer>) {
    this.bytes = typeof from === 'number' ? new Uint8Array(from) : from;
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
  }

  /** Copies the structure of `size` bytes at `pointer`, which stays C's. */
  static at(pointer: Pointer, size: number): Structure {
    return new Structure(copyBytes(pointer, size));
  }

  uchar(offset: number): number {
    return this.#view.getUint8(offset);
  }

  ushort(offset: number): number {
    return this.#view.getUint16(offset, true);
  }

  int(offset: number): number {
    return this.#view.getInt32(offset, true);
  }

  uint(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  long(offset: number): number {
    return Number(this.#view.getBigInt64(offset, true));
  }

  ulong(offset: number): number {
    return Number(this.#view.getBigUint64(offset, true));
  }

  pointer(offset: number): Pointer | null {
    const pointer = this.#view.getBigUint64(offset, true);
    return pointer === 0n ? null : pointer;
  }

  /** The string that the pointer at `offset` points to; null where there is none. */
  text(offset: number): string | null {
    const pointer = this.pointer(offset);
    return pointer === null ? null : readString(pointer);
  }

  /** The string in a `char[length]`. */
  field(offset: number, length: number): string {
    const field = this.bytes.subarray(offset, offset + length);
    const end = field.indexOf(0);
    return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
  }
}

/** Copies the `count` pointers at `list`, which stays C's. */
export function pointersAt(list: Pointer, count: number): Pointer[] {
  return count === 0 ? [] : Array.from(new BigUint64Array(copyBytes(list, count * POINTER_SIZE).buffer));
}

/** More than any answer of libvirt's protocol. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Checks how many items of `size` bytes a caller wants room for. Throws BadArgument. */
export function roomFor(functionName: string, argument: string, count: number, size = 1): number {
  const most = Math.floor(MOST_BYTES / size);
  if (!Number.isInteger(count) || count < 0 || count > most) {
    throw new BadArgument(functionName, argument, `an integer from 0 to ${most}`, count);
  }
  return count;
}
