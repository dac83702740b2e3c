/** How well an allocation covers demand, and the reactive rule that it is compared with. */
import { describe, expect, it } from 'vitest';
import { type AllocationRule, provision, reactiveRule } from './provisioning.ts';
import type { Workload } from './workloads/generate.ts';

/** 0.2, and 0.8 from step 10 on. */
const WORKLOAD: Workload = {
  family: 'square',
  seed: 0,
  scale: 1,
  demand: Float32Array.from({ length: 20 }, (_, step) => (step < 10 ? 0.2 : 0.8)),
  observed: new Float32Array(0),
  censored: new Uint8Array(0),
  rises: [{ step: 10, level: 0.8 }],
  settled: 0,
};

/** Allocates 0.9 for `steps` steps before the rise and ever after, else 0.3. */
function leadRule(steps: number): AllocationRule {
  let step = 0;
  return {
    async next() {
      step++;
      return step >= 10 - steps ? 0.9 : 0.3;
    },
  };
}

describe('provision', () => {
  it('counts a rise as covered when capacity is there before it, and tells by how much', async () => {
    expect(await provision(WORKLOAD, leadRule(3), 250)).toMatchObject({
      rises: 1,
      risesCovered: 1,
      leadP50Ms: 750,
    });
    // In time for the very step of the rise is not before it.
    expect((await provision(WORKLOAD, leadRule(0), 250)).risesCovered).toBe(0);
    expect((await provision(WORKLOAD, leadRule(-1), 250)).risesCovered).toBe(0);
  });

  it('shows a rule what was used, not what was wanted', async () => {
    const seen: [number, boolean][] = [];
    const rule: AllocationRule = {
      async next(use, censored) {
        seen.push([use, censored]);
        return 0.5;
      },
    };
    const score = await provision(WORKLOAD, rule, 250);
    expect(seen.at(-1)).toEqual([0.5, true]);
    expect(score.shortfall).toBeCloseTo((10 * 0.3 + 0.1) / 20, 5);
    expect(score.heldBack).toBeCloseTo(11 / 20);
  });
});

describe('the reactive rule', () => {
  it('raises when use passes 80 %, lowers only after 2 s below 40 %', async () => {
    const rule = reactiveRule(1, 250);
    expect(await rule.next(0.09, false)).toBeCloseTo(0.15);
    expect(await rule.next(0.13, false)).toBeCloseTo(0.13 / 0.6);
    for (let step = 0; step < 7; step++) expect(await rule.next(0.06, false)).toBeCloseTo(0.13 / 0.6);
    expect(await rule.next(0.06, false)).toBeCloseTo(0.1);
  });
});
