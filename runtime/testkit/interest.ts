/** Who wants which subjects: found by exact subject, or by the part of a filter before its first wildcard. */

export class Interest<T extends { readonly filter: string }> {
  readonly #exact = new Map<string, Set<T>>();
  readonly #wild = new Map<string, Map<T, (subject: string) => boolean>>();

  add(member: T): void {
    const { prefix, wanted } = compile(member.filter);
    if (prefix === undefined) {
      const members = this.#exact.get(member.filter);
      if (members === undefined) this.#exact.set(member.filter, new Set([member]));
      else members.add(member);
      return;
    }
    const members = this.#wild.get(prefix);
    if (members === undefined) this.#wild.set(prefix, new Map([[member, wanted]]));
    else members.set(member, wanted);
  }

  delete(member: T): void {
    const { prefix } = compile(member.filter);
    const index = prefix === undefined ? this.#exact : this.#wild;
    const key = prefix ?? member.filter;
    const members = index.get(key);
    members?.delete(member);
    if (members?.size === 0) index.delete(key);
  }

  /** Calls `found` for each member whose filter stands for `subject`, always in the same order. */
  each(subject: string, found: (member: T) => void): void {
    const exact = this.#exact.get(subject);
    if (exact !== undefined) for (const member of exact) found(member);
    // `a.b.*` is kept under `a.b`, `>` under the empty string.
    let end = subject.lastIndexOf('.');
    for (;;) {
      const members = this.#wild.get(end < 0 ? '' : subject.slice(0, end));
      if (members !== undefined) for (const [member, wanted] of members) if (wanted(subject)) found(member);
      if (end < 0) return;
      end = end === 0 ? -1 : subject.lastIndexOf('.', end - 1);
    }
  }
}

/** As `matches`, without taking the filter apart for every subject. */
export function compileFilter(filter: string): (subject: string) => boolean {
  return compile(filter).wanted;
}

interface Compiled {
  /** What stands before the first wildcard and its dot; undefined when there is none. */
  readonly prefix: string | undefined;
  readonly wanted: (subject: string) => boolean;
}

/** Nodes come and go with the same filters. */
const compiled = new Map<string, Compiled>();
const MOST_COMPILED = 10_000;

function compile(filter: string): Compiled {
  const known = compiled.get(filter);
  if (known !== undefined) return known;
  const wildcard = filter.search(WILDCARD);
  const prefix = wildcard < 0 ? undefined : filter.slice(0, wildcard);
  const made = { prefix, wanted: wanting(filter, prefix) };
  if (compiled.size >= MOST_COMPILED) compiled.clear();
  compiled.set(filter, made);
  return made;
}

function wanting(filter: string, prefix: string | undefined): (subject: string) => boolean {
  if (prefix === undefined) return (subject) => subject === filter;
  if (filter === '>') return () => true;
  const start = `${prefix}.`;
  const { length } = start;
  if (filter === `${start}>`) return (subject) => subject.length > length && subject.startsWith(start);
  if (filter === `${start}*`) {
    return (subject) =>
      subject.length > length && subject.startsWith(start) && !subject.includes('.', length);
  }
  const pattern = new RegExp(`^${filter.split('.').map(patternOf).join('\\.')}$`);
  return (subject) => pattern.test(subject);
}

function patternOf(token: string, index: number, { length }: readonly string[]): string {
  if (token === '*') return '[^.]*';
  return token === '>' && index === length - 1 ? '.*' : token.replace(/[^\w-]/g, '\\$&');
}

const WILDCARD = /(^|\.)[*>](\.|$)/;
