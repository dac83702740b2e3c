/** What one C function takes and gives back: read from the generated tables, told to koffi, and used to check arguments. */
import type { Signature } from './c-types.ts';
import { BadArgument } from './errors.ts';

interface Parameter {
  readonly name: string;
  readonly kind: string;
}

export interface ParsedSignature {
  /** The version of libvirt that had the function first. */
  readonly since: string;
  readonly parameters: readonly Parameter[];
  /** As koffi reads it: `int virDomainGetState(void *, _Inout_ int *, _Inout_ int *, unsigned int)`. */
  readonly prototype: string;
}

export function parseSignature(name: string, [since, result, list]: Signature): ParsedSignature {
  const parameters = list === '' ? [] : list.split(', ').map(readParameter);
  const types = parameters.map(({ kind }) => cType(kind)).join(', ');
  return { since, parameters, prototype: `${cType(result)} ${name}(${types})` };
}

/**
 * Throws {@link BadArgument} for what C would misread: koffi takes a number for a pointer, cuts a string at its first
 * NUL, and wraps integers around.
 */
export function checkArguments(
  name: string,
  { parameters }: ParsedSignature,
  args: readonly unknown[],
): void {
  if (args.length !== parameters.length) {
    throw new BadArgument(name, 'arguments', `${parameters.length} of them`, args.length);
  }
  for (let index = 0; index < args.length; index++) {
    const parameter = parameters[index]!;
    const wanted = refusal(parameter.kind, args[index]);
    if (wanted !== undefined) throw new BadArgument(name, parameter.name, wanted, args[index]);
  }
}

function readParameter(text: string): Parameter {
  const [name = '', kind = ''] = text.split(': ');
  return { name, kind };
}

const C_TYPES: Readonly<Record<string, string>> = {
  void: 'void',
  int: 'int',
  uint: 'unsigned int',
  long: 'long',
  ulong: 'unsigned long',
  int64: 'int64_t',
  uint64: 'uint64_t',
  size_t: 'size_t',
  double: 'double',
  string: 'str',
  strings: 'const char **',
  pointer: 'void *',
  handle: 'void *',
  callback: 'void *',
  memory: 'void *',
};

function cType(kind: string): string {
  const type = C_TYPES[kind.replace(/^out /, '')];
  if (type === undefined) throw new Error(`no such kind of parameter: ${kind}`);
  return kind.startsWith('out ') ? `_Inout_ ${type} *` : type;
}

/** Lowest and highest value of each kind of integer. */
const RANGES: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int: [-(2n ** 31n), 2n ** 31n - 1n],
  uint: [0n, 2n ** 32n - 1n],
  long: [-(2n ** 63n), 2n ** 63n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  ulong: [0n, 2n ** 64n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
  size_t: [0n, 2n ** 64n - 1n],
};

/** What would be right instead; undefined if the value is. */
function refusal(kind: string, value: unknown): string | undefined {
  switch (kind) {
    case 'string':
      return value === null || isText(value) ? undefined : 'a string without NUL bytes, or null';
    case 'strings':
      return value === null || (Array.isArray(value) && value.every(isText))
        ? undefined
        : 'an array of strings without NUL bytes, or null';
    case 'handle':
    case 'callback':
      return value === null || typeof value === 'bigint' ? undefined : 'a pointer or null';
    case 'memory':
      return value === null || typeof value === 'bigint' || ArrayBuffer.isView(value)
        ? undefined
        : 'a typed array, a pointer or null';
    case 'double':
      return typeof value === 'number' ? undefined : 'a number';
    default:
      if (kind.startsWith('out ')) {
        return value === null || Array.isArray(value) || ArrayBuffer.isView(value)
          ? undefined
          : 'an array or null';
      }
      return isInteger(kind, value) ? undefined : `an integer that fits C's ${C_TYPES[kind]}`;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0');
}

function isInteger(kind: string, value: unknown): boolean {
  if (typeof value !== 'bigint' && !Number.isInteger(value)) return false;
  const [lowest, highest] = RANGES[kind]!;
  return (value as number | bigint) >= lowest && (value as number | bigint) <= highest;
}
