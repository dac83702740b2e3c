/** What a log of what clients saw, and of what nodes did, says about the promises of the runtime: pure. */
import type { Deed } from '../support/cluster-settings.ts';

/** A number that a client gave to a ledger. */
export interface Given {
  readonly key: string;
  readonly n: number;
  /** `durable`: a durable command, else a plain ask. */
  readonly durable: boolean;
  /** Acknowledged; otherwise it may have been applied or not. */
  readonly acknowledged: boolean;
}

/** How many numbers a ledger had, as a client was told. */
export interface Seen {
  readonly key: string;
  /** When the client asked and when it was answered, ms. */
  readonly asked: number;
  readonly answered: number;
  readonly count: number;
}

export interface Evidence {
  readonly given: readonly Given[];
  readonly seen: readonly Seen[];
  readonly deeds: readonly Deed[];
  /** Numbers of each ledger in the end. */
  readonly applied: ReadonlyMap<string, readonly number[]>;
}

export interface Verdict {
  /** Acknowledged, and not applied. */
  readonly lost: number;
  /** Applied more than once, or never given. */
  readonly duplicated: number;
  /**
   * Moments at which an actor had two owners: something an owner of an older generation did after one of a newer
   * generation had done something, or an answer that does not know what had been answered before it was asked for.
   */
  readonly doubleOwners: number;
  /** Durable commands that overtook an earlier one of the same client to the same actor. */
  readonly disordered: number;
  /** In words. */
  readonly violations: readonly string[];
}

export function judge({ given, seen, deeds, applied }: Evidence): Verdict {
  const violations: string[] = [];
  const lost = lostOf(given, applied, violations);
  const duplicated = duplicatedOf(given, applied, violations);
  const disordered = disorderedOf(given, applied, violations);
  const doubleOwners = lateDeeds(deeds, violations) + staleAnswers(seen, violations);
  return { lost, duplicated, doubleOwners, disordered, violations };
}

/** Numbers that were acknowledged and are not applied. */
export function missing(given: readonly Given[], applied: Evidence['applied']): Given[] {
  const sets = new Map([...applied].map(([key, numbers]) => [key, new Set(numbers)]));
  return given.filter(({ key, n, acknowledged }) => acknowledged && sets.get(key)?.has(n) !== true);
}

function lostOf(given: readonly Given[], applied: Evidence['applied'], violations: string[]): number {
  const lost = missing(given, applied);
  for (const { key, n, durable } of lost)
    violations.push(`lost: ${durable ? 'command' : 'message'} ${n} to ${key} was acknowledged`);
  return lost.length;
}

function duplicatedOf(given: readonly Given[], applied: Evidence['applied'], violations: string[]): number {
  const ids = new Set(given.map(({ key, n }) => `${key} ${n}`));
  let count = 0;
  for (const [key, numbers] of applied) {
    const known = new Set<number>();
    for (const n of numbers) {
      if (!known.has(n) && ids.has(`${key} ${n}`)) known.add(n);
      else {
        count += 1;
        violations.push(`duplicated: ${key} has ${n} ${known.has(n) ? 'again' : 'from nobody'}`);
      }
    }
  }
  return count;
}

/** A client gives one durable command to an actor at a time: what it gave later must not be applied earlier. */
function disorderedOf(given: readonly Given[], applied: Evidence['applied'], violations: string[]): number {
  const durable = new Set(given.filter((one) => one.durable && one.acknowledged).map(({ n }) => n));
  let count = 0;
  for (const [key, numbers] of applied) {
    let highest = -1;
    for (const n of numbers) {
      if (!durable.has(n)) continue;
      if (n < highest) {
        count += 1;
        violations.push(`disordered: ${key} has ${n} after ${highest}`);
      }
      highest = Math.max(highest, n);
    }
  }
  return count;
}

function lateDeeds(deeds: readonly Deed[], violations: string[]): number {
  const newest = new Map<string, Deed>();
  let count = 0;
  for (const deed of [...deeds].sort((a, b) => a.t - b.t)) {
    const before = newest.get(deed.key);
    if (before !== undefined && deed.generation < before.generation) {
      count += 1;
      violations.push(
        `two owners: ${deed.node} (generation ${deed.generation}) did ${deed.what} for ${deed.key} ` +
          `${(deed.t - before.t).toFixed(3)} ms after ${before.node} (generation ${before.generation})`,
      );
    } else if (before === undefined || deed.generation > before.generation) newest.set(deed.key, deed);
  }
  return count;
}

function staleAnswers(seen: readonly Seen[], violations: string[]): number {
  const byKey = new Map<string, Seen[]>();
  for (const one of seen) byKey.set(one.key, [...(byKey.get(one.key) ?? []), one]);
  let count = 0;
  for (const [key, all] of byKey) {
    const answered = [...all].sort((a, b) => a.answered - b.answered);
    let known = 0;
    let next = 0;
    for (const { asked, count: told } of [...all].sort((a, b) => a.asked - b.asked)) {
      for (; next < answered.length && answered[next]!.answered < asked; next++)
        known = Math.max(known, answered[next]!.count);
      if (told >= known) continue;
      count += 1;
      violations.push(
        `two owners: ${key} answered ${told} to somebody who asked after it had answered ${known}`,
      );
    }
  }
  return count;
}
