/** Who wants which subjects: found by exact subject, or by the part of a filter before its first wildcard. */
import { matches } from '../subject.ts';

export class Interest<T extends { readonly filter: string }> {
  readonly #exact = new Map<string, Set<T>>();
  readonly #wild = new Map<string, Map<T, (subject: string) => boolean>>();

  add(member: T): void {
    const prefix = prefixOf(member.filter);
    if (prefix === undefined) {
      const members = this.#exact.get(member.filter);
      if (members === undefined) this.#exact.set(member.filter, new Set([member]));
      else members.add(member);
      return;
    }
    const wanted = compileFilter(member.filter);
    const members = this.#wild.get(prefix);
    if (members === undefined) this.#wild.set(prefix, new Map([[member, wanted]]));
    else members.set(member, wanted);
  }

  delete(member: T): void {
    const prefix = prefixOf(member.filter);
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

/** As `matches`, without taking filters of the common forms apart for every subject. */
export function compileFilter(filter: string): (subject: string) => boolean {
  const prefix = prefixOf(filter);
  if (prefix === undefined) return (subject) => subject === filter;
  if (filter === '>') return () => true;
  const start = `${prefix}.`;
  const { length } = start;
  if (filter === `${start}>`) return (subject) => subject.length > length && subject.startsWith(start);
  if (filter === `${start}*`) {
    return (subject) =>
      subject.length > length && subject.startsWith(start) && !subject.includes('.', length);
  }
  return (subject) => matches(filter, subject);
}

/** What stands before the first wildcard and its dot; undefined when there is none. */
function prefixOf(filter: string): string | undefined {
  const wildcard = filter.search(WILDCARD);
  return wildcard < 0 ? undefined : filter.slice(0, wildcard);
}

const WILDCARD = /(^|\.)[*>](\.|$)/;
