/** What chaos finds in a log: it must be able to find something. */
import { describe, expect, test } from 'vitest';
import { type Evidence, judge } from '../chaos/verdict.ts';
import type { Deed } from '../support/cluster-settings.ts';

const nothing: Evidence = { given: [], seen: [], deeds: [], applied: new Map() };
const given = (n: number, acknowledged = true, durable = true) => ({ key: 'l0', n, durable, acknowledged });
const deed = (t: number, node: string, generation: number): Deed => ({
  t,
  node,
  key: 'l0',
  generation,
  what: 'add',
});
const has = (...numbers: number[]) => new Map([['l0', numbers]]);

describe('the verdict of chaos', () => {
  test('is clean when all that was acknowledged is there once; the rest may be', () => {
    const evidence = { ...nothing, given: [given(1), given(2, false), given(3, false)], applied: has(1, 3) };
    expect(judge(evidence)).toMatchObject({ lost: 0, duplicated: 0, disordered: 0, violations: [] });
  });

  test('counts what was acknowledged and is not there', () => {
    const evidence = { ...nothing, given: [given(1), given(2, true, false)], applied: has() };
    expect(judge(evidence)).toMatchObject({ lost: 2, duplicated: 0 });
  });

  test('counts what is there twice, or comes from nobody', () => {
    const evidence = { ...nothing, given: [given(1), given(2, false)], applied: has(1, 2, 2, 9) };
    expect(judge(evidence)).toMatchObject({ lost: 0, duplicated: 2 });
  });

  test('counts durable commands that overtook another', () => {
    const evidence = {
      ...nothing,
      given: [given(1), given(2), given(3, true, false)],
      applied: has(3, 2, 1),
    };
    expect(judge(evidence)).toMatchObject({ disordered: 1 });
  });

  test('counts what an earlier owner does after a later one began', () => {
    const orderly = [deed(1, 'a', 1), deed(2, 'b', 2), deed(3, 'b', 2)];
    expect(judge({ ...nothing, deeds: orderly }).doubleOwners).toBe(0);
    expect(judge({ ...nothing, deeds: [...orderly, deed(2.5, 'a', 1)] }).doubleOwners).toBe(1);
  });

  test('counts answers that do not know what was answered before', () => {
    const seen = (asked: number, answered: number, count: number) => ({ key: 'l0', asked, answered, count });
    expect(judge({ ...nothing, seen: [seen(0, 10, 5), seen(5, 12, 4)] }).doubleOwners).toBe(0);
    expect(judge({ ...nothing, seen: [seen(0, 10, 5), seen(11, 12, 4)] }).doubleOwners).toBe(1);
  });
});
