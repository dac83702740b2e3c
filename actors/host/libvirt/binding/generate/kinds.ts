/** What each C type is to the binding: its kind in the tables of functions, and its type in TypeScript. */
import type { Description, Parameter } from './description.ts';

interface Kind {
  /** As in FUNCTIONS: see ../signature.ts. */
  readonly kind: string;
  /** In TypeScript: see ../c-types.ts. */
  readonly type: string;
}

const NUMBERS: Readonly<Record<string, string>> = {
  int: 'int',
  'unsigned int': 'uint',
  long: 'long',
  'unsigned long': 'ulong',
  'long long': 'int64',
  'unsigned long long': 'uint64',
  size_t: 'size_t',
  double: 'double',
};
/** Arrays that C reads, although their type looks like a place to write to. */
const LISTS = new Set(['virDomainPtr *', 'virDomainStatsRecordPtr *']);
/** Where C writes a string, a list of strings, a map of CPUs. */
const CHARACTERS = new Set(['char **', 'char ***', 'unsigned char **']);
const SMALL = new Set(['int', 'uint', 'double']);

export function parameterKind({ name, type }: Parameter, description: Description): Kind {
  const number = numberKind(type, description);
  if (number !== undefined) return { kind: number, type: SMALL.has(number) ? 'number' : 'Wide' };
  // What a stream sends is bytes, not text.
  if (type === 'const char *' && name !== 'data') return { kind: 'string', type: 'Text' };
  if (type === 'const char **') return { kind: 'strings', type: 'Texts' };
  if (isHandle(type, description)) return { kind: 'handle', type: 'Handle' };
  if (description.callbacks.has(type)) return { kind: 'callback', type: 'Handle' };
  const target = NUMBERS[type.replace(/ \*$/, '')];
  if (target !== undefined && type.endsWith(' *')) return { kind: `out ${target}`, type: 'OutNumber' };
  if (LISTS.has(type)) return { kind: 'memory', type: 'Memory' };
  if (/^vir\w+Ptr \*{1,2}$/.test(type) || CHARACTERS.has(type)) {
    return { kind: 'out pointer', type: 'OutPointer' };
  }
  return { kind: 'memory', type: 'Memory' };
}

export function resultKind(type: string, description: Description): Kind {
  if (type === 'void') return { kind: 'void', type: 'void' };
  const number = numberKind(type, description);
  if (number !== undefined) return { kind: number, type: 'number' };
  if (type === 'const char *') return { kind: 'string', type: 'string | null' };
  return { kind: 'pointer', type: 'Pointer | null' };
}

function numberKind(type: string, { enumerations }: Description): string | undefined {
  return enumerations.has(type) ? 'int' : NUMBERS[type];
}

function isHandle(type: string, { opaque }: Description): boolean {
  return type.endsWith('Ptr') && opaque.has(type.slice(0, -'Ptr'.length));
}
