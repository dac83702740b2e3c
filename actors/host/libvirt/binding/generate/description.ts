/** Reads libvirt's description of its API (libvirt-api.xml): functions with their parameters, enum values, string macros. */

export interface Parameter {
  readonly name: string;
  /** As in C: `const char *`. */
  readonly type: string;
}

export interface FunctionDescription {
  readonly name: string;
  /** The part of libvirt it belongs to: `libvirt-domain`. */
  readonly module: string;
  /** The libvirt that had it first: `0.9.2`. */
  readonly since: string;
  readonly result: string;
  readonly parameters: readonly Parameter[];
}

export interface ConstantDescription {
  readonly name: string;
  /** The enum it is of; undefined for a macro. */
  readonly enumeration: string | undefined;
  readonly value: number | string;
}

export interface Description {
  readonly functions: readonly FunctionDescription[];
  readonly constants: readonly ConstantDescription[];
  /** Types whose insides are libvirt's own: `virDomain`. */
  readonly opaque: ReadonlySet<string>;
  /** Types of functions that libvirt calls back. */
  readonly callbacks: ReadonlySet<string>;
  /** Types that are a number in C. */
  readonly enumerations: ReadonlySet<string>;
}

/** Reads one or more descriptions as one: an enum's value may be named in terms of another file's. */
export function readDescription(texts: readonly string[]): Description {
  const text = texts.join('\n');
  return {
    functions: [...text.matchAll(FUNCTION)].map(readFunction),
    constants: readConstants(text),
    opaque: names(text, /<struct ([^>]*)\/>/g),
    callbacks: names(text, /<functype ([^>]*)>/g),
    enumerations: names(text, /<typedef ([^>]*type='enum'[^>]*)>/g),
  };
}

const FUNCTION = /<function ([^>]*)>([\s\S]*?)<\/function>/g;

function readFunction([, head = '', body = '']: RegExpMatchArray): FunctionDescription {
  const { name, module, version } = attributes(head);
  const returned = /<return ([^>]*)\/>/.exec(body)?.[1];
  return {
    name: required(name, 'name', head),
    module: required(module, 'module', head),
    since: required(version, 'version', head),
    result: attributes(returned ?? '').type ?? 'void',
    parameters: [...body.matchAll(/<arg ([^>]*)\/>/g)].map(([, arg = '']) => {
      const parameter = attributes(arg);
      return {
        name: required(parameter.name, 'name', arg),
        type: required(parameter.type, 'type', arg).replace(/\s+/g, ' ').trim(),
      };
    }),
  };
}

/** Enum values, some of which name another one instead of a number, and macros that are strings. */
function readConstants(text: string): ConstantDescription[] {
  const written = new Map<string, { readonly enumeration: string | undefined; readonly value: string }>();
  for (const [, head = ''] of text.matchAll(/<enum ([^>]*)\/>/g)) {
    const { name, type, value } = attributes(head);
    if (name !== undefined && value !== undefined) written.set(name, { enumeration: type, value });
  }
  const numberOf = (name: string): number | undefined => {
    const value = written.get(name)?.value;
    if (value === undefined) return undefined;
    return /^-?\d+$/.test(value) ? Number(value) : numberOf(value);
  };
  const constants: ConstantDescription[] = [];
  for (const [name, { enumeration }] of written) {
    const value = numberOf(name);
    if (value !== undefined) constants.push({ name, enumeration, value });
  }
  for (const [, head = ''] of text.matchAll(/<macro ([^>]*)>/g)) {
    const { name, string } = attributes(head);
    if (name !== undefined && string !== undefined) {
      constants.push({ name, enumeration: undefined, value: string });
    }
  }
  return constants;
}

function names(text: string, element: RegExp): Set<string> {
  return new Set([...text.matchAll(element)].flatMap(([, head = '']) => attributes(head).name ?? []));
}

/** libvirt's generator writes attributes in single quotes, and escapes what is in them. */
function attributes(head: string): Partial<Record<string, string>> {
  return Object.fromEntries([...head.matchAll(/(\w+)='([^']*)'/g)].map(([, name, value]) => [name, value]));
}

function required(value: string | undefined, attribute: string, head: string): string {
  if (value === undefined) throw new Error(`the API description lacks '${attribute}' at: ${head}`);
  return value;
}
