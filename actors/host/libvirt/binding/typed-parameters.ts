/** libvirt's typed parameters (virTypedParameter): encode a list for a call, decode what a call returned. */
import koffi from 'koffi';
import type { Pointer } from './declarations.ts';
import { BadArgument } from './errors.ts';
import { copyBytes, readString } from './native.ts';
import { Structure } from './structure.ts';

export type TypedValue = number | boolean | string;

/** Decoded parameters by name. 64-bit integers become numbers: exact below 2^53. */
export type TypedParameters = Readonly<Record<string, TypedValue>>;

export type TypedParameter =
  | {
      readonly name: string;
      readonly type: 'int' | 'uint' | 'llong' | 'ullong' | 'double';
      readonly value: number;
    }
  | { readonly name: string; readonly type: 'boolean'; readonly value: boolean }
  | { readonly name: string; readonly type: 'string'; readonly value: string };

/** struct _virTypedParameter on 64-bit: char field[80]; int type; (padding); union of 8 bytes. */
export const PARAMETER_SIZE = 96;
const TYPE_OFFSET = 80;
const VALUE_OFFSET = 88;
const MAX_NAME_BYTES = 79;

/** virTypedParameterType. */
const TYPE = { int: 1, uint: 2, llong: 3, ullong: 4, double: 5, boolean: 6, string: 7 } as const;

/** Parameters as a C array. Keep the object until the call has returned, then dispose it. */
export class EncodedParameters implements Disposable {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly count: number;
  readonly #strings: unknown[] = [];

  constructor(parameters: readonly TypedParameter[]) {
    this.count = parameters.length;
    this.bytes = new Uint8Array(PARAMETER_SIZE * Math.max(1, parameters.length));
    const view = new DataView(this.bytes.buffer);
    parameters.forEach((parameter, index) => {
      this.#encode(view, index * PARAMETER_SIZE, parameter);
    });
  }

  #encode(view: DataView, offset: number, parameter: TypedParameter): void {
    checkValue(parameter);
    const name = new TextEncoder().encode(parameter.name);
    if (name.length === 0 || name.length > MAX_NAME_BYTES) {
      throw new BadArgument('typed parameter', 'name', `1 to ${MAX_NAME_BYTES} bytes`, parameter.name);
    }
    this.bytes.set(name, offset);
    view.setInt32(offset + TYPE_OFFSET, TYPE[parameter.type], true);
    const at = offset + VALUE_OFFSET;
    switch (parameter.type) {
      case 'int':
        view.setInt32(at, parameter.value, true);
        break;
      case 'uint':
        view.setUint32(at, parameter.value, true);
        break;
      case 'llong':
        view.setBigInt64(at, BigInt(parameter.value), true);
        break;
      case 'ullong':
        view.setBigUint64(at, BigInt(parameter.value), true);
        break;
      case 'double':
        view.setFloat64(at, parameter.value, true);
        break;
      case 'boolean':
        view.setUint8(at, parameter.value ? 1 : 0);
        break;
      case 'string':
        view.setBigUint64(at, this.#allocate(parameter.value), true);
        break;
    }
  }

  #allocate(text: string): Pointer {
    const bytes = new TextEncoder().encode(`${text}\0`);
    const memory: unknown = koffi.alloc('uint8_t', bytes.length);
    new Uint8Array(koffi.view(memory, bytes.length)).set(bytes);
    this.#strings.push(memory);
    return koffi.address(memory);
  }

  [Symbol.dispose](): void {
    for (const memory of this.#strings.splice(0)) koffi.free(memory);
  }
}

/** Lowest and highest value of each kind of integer. */
const RANGES = {
  int: [-(2 ** 31), 2 ** 31 - 1],
  uint: [0, 2 ** 32 - 1],
  llong: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ullong: [0, Number.MAX_SAFE_INTEGER],
} as const;

/** Throws BadArgument for what C would read as something else. */
function checkValue(parameter: TypedParameter): void {
  const { name, type, value } = parameter;
  if (typeof name !== 'string' || name.includes('\0')) {
    throw new BadArgument('typed parameter', 'name', 'a string without NUL bytes', name);
  }
  const refuse = (wanted: string) => {
    throw new BadArgument('typed parameter', name, wanted, value);
  };
  switch (type) {
    case 'double':
      if (typeof value !== 'number') refuse('a number');
      break;
    case 'boolean':
      if (typeof value !== 'boolean') refuse('true or false');
      break;
    case 'string':
      if (typeof value !== 'string' || value.includes('\0')) refuse('a string without NUL bytes');
      break;
    default: {
      const [lowest, highest] = RANGES[type] ?? refuse(`of a known type, not ${type}`);
      if (!Number.isInteger(value) || value < lowest || value > highest) {
        refuse(`an integer from ${lowest} to ${highest}`);
      }
    }
  }
}

/** Decodes `count` parameters that C keeps at `pointer`. */
export function decodeParametersAt(pointer: Pointer, count: number): TypedParameters {
  return count === 0 ? {} : decodeParameters(copyBytes(pointer, count * PARAMETER_SIZE), count);
}

/** Decodes `count` parameters from `bytes`; strings are read through the pointers in them, and stay C's. */
export function decodeParameters(bytes: Uint8Array, count: number): TypedParameters {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoded: Record<string, TypedValue> = {};
  for (let index = 0; index < count; index++) {
    const offset = index * PARAMETER_SIZE;
    const value = decodeValue(view, offset);
    if (value !== undefined) decoded[decodeName(bytes, offset)] = value;
  }
  return decoded;
}

/** Names are ASCII but for those that somebody made up: a loop is several times faster than a TextDecoder. */
function decodeName(bytes: Uint8Array, offset: number): string {
  let name = '';
  for (let at = offset; at < offset + TYPE_OFFSET; at++) {
    const byte = bytes[at]!;
    if (byte === 0) break;
    if (byte > 127) return new Structure(bytes.slice(offset, offset + TYPE_OFFSET)).field(0, TYPE_OFFSET);
    name += String.fromCharCode(byte);
  }
  return name;
}

function decodeValue(view: DataView, offset: number): TypedValue | undefined {
  const at = offset + VALUE_OFFSET;
  switch (view.getInt32(offset + TYPE_OFFSET, true)) {
    case TYPE.int:
      return view.getInt32(at, true);
    case TYPE.uint:
      return view.getUint32(at, true);
    case TYPE.llong:
      return Number(view.getBigInt64(at, true));
    case TYPE.ullong:
      return Number(view.getBigUint64(at, true));
    case TYPE.double:
      return view.getFloat64(at, true);
    case TYPE.boolean:
      return view.getUint8(at) !== 0;
    case TYPE.string: {
      const pointer = view.getBigUint64(at, true);
      return pointer === 0n ? '' : readString(pointer);
    }
    default:
      return undefined;
  }
}
