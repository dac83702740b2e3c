/** The judgement of a run, on runs made by hand. */
import { describe, expect, test } from 'vitest';
import { assess, type DemandPhase, parsePhaseNote, type Run } from './assess.ts';

const phase = (t: number, cores: number, cycle = 0, memoryMiB = 50): DemandPhase => ({
  t,
  cycle,
  name: `p${t}`,
  cores,
  threads: Math.max(1, Math.ceil(cores)),
  memoryMiB,
});
const given = (t: number, cores: number, memoryMiB = 200) => ({
  t,
  cores,
  vcpus: Math.max(1, Math.ceil(cores)),
  memoryMiB,
});
/** Use of `cores` and `memoryMiB`, sampled each second. */
const steady = (seconds: number, cores: number, memoryMiB = 100) =>
  Array.from({ length: seconds + 1 }, (_, i) => ({
    t: i * 1000,
    cpuSeconds: i * cores,
    throttledSeconds: 0,
    memoryMiB,
  }));
const run = (more: Partial<Run>): Run => ({
  phases: [],
  allocations: [given(0, 1)],
  uses: [],
  refusals: [],
  memoryOverheadMiB: 40,
  fromCycle: 0,
  ...more,
});

describe('a rise', () => {
  const phases = [phase(0, 0.2), phase(5000, 1), phase(9000, 0.2)];

  test('is covered when capacity was there before: by how much is its lead', () => {
    const allocations = [given(0, 0.3), given(4200, 1.1), given(4600, 1.2), given(9500, 0.3)];
    const judged = assess(run({ phases, allocations }));
    expect(judged.rises).toMatchObject([{ covered: true, leadMs: 800, fromCores: 0.2 }]);
    expect(judged).toMatchObject({ risesCovered: 1, leadP50Ms: 800 });
  });

  test('is late when capacity came during the phase: its lead is negative', () => {
    const allocations = [given(0, 0.3), given(5400, 1)];
    expect(assess(run({ phases, allocations })).rises).toMatchObject([{ covered: false, leadMs: -400 }]);
  });

  test('that never got enough has no lead, and counts as not covered', () => {
    const allocations = [given(0, 0.3), given(5400, 0.8), given(9100, 2)];
    const judged = assess(run({ phases, allocations }));
    expect(judged.rises).toMatchObject([{ covered: false, leadMs: Number.NaN }]);
    expect(judged).toMatchObject({ risesCovered: 0, leadP50Ms: Number.NaN });
  });

  test('needs vCPUs and memory too', () => {
    const wide = [phase(0, 0.2), phase(5000, 2, 0, 120)];
    const enough = { t: 0, cores: 2, vcpus: 2, memoryMiB: 160 };
    const covered = (more: object) =>
      assess(run({ phases: wide, allocations: [{ ...enough, ...more }] })).risesCovered;
    expect(covered({})).toBe(1);
    expect(covered({ vcpus: 1 })).toBe(0);
    expect(covered({ memoryMiB: 159 })).toBe(0);
    expect(covered({ cores: 1.95 })).toBe(1);
    expect(covered({ cores: 1.9 })).toBe(0);
  });

  test('capacity that went away before the rise does not count', () => {
    const allocations = [given(0, 2), given(4000, 0.3), given(4900, 1)];
    expect(assess(run({ phases, allocations })).rises[0]?.leadMs).toBe(100);
  });

  test('is none when demand grows a little, falls, or comes before the pattern was seen', () => {
    const cycles = [phase(0, 0.2), phase(1000, 1), phase(2000, 1.1), phase(3000, 0.2, 2), phase(4000, 1, 2)];
    const judged = assess(run({ phases: cycles, fromCycle: 2 }));
    expect(judged.rises.map((rise) => rise.phase.t)).toEqual([4000]);
    expect(assess(run({ phases: cycles, fromCycle: 3 })).rises).toEqual([]);
  });
});

describe('integrals', () => {
  const phases = [phase(0, 0.5)];

  test('slack is what was given and not used, as a share of what was given', () => {
    const judged = assess(run({ phases, uses: steady(10, 0.25, 150) }));
    expect(judged.seconds).toBe(10);
    expect(judged.slackCores).toBeCloseTo(0.75);
    expect(judged.slackMemory).toBeCloseTo(0.25);
  });

  test('changes of the allocation count from when they were made', () => {
    const allocations = [given(0, 1), given(5000, 0.5)];
    const judged = assess(run({ phases, allocations, uses: steady(10, 0.25) }));
    // A step is judged by what was given at its end: one of ten steps may count for either.
    expect(judged.slackCores).toBeGreaterThan(1 - 2.5 / 7.5 - 0.04);
    expect(judged.slackCores).toBeLessThan(1 - 2.5 / 7.5 + 0.04);
  });

  test('throttled time is what the counter gained, from the first cycle judged on', () => {
    const uses = steady(10, 0.5).map((use, i) => ({ ...use, throttledSeconds: i * 0.1 }));
    expect(assess(run({ phases, uses })).throttledSeconds).toBeCloseTo(1);
    const later = assess(
      run({ phases: [phase(0, 1), phase(4000, 1, 2)], uses, fromCycle: 2, refusals: [1, 4000] }),
    );
    expect(later.throttledSeconds).toBeCloseTo(0.6);
    expect(later).toMatchObject({ seconds: 6, refusals: 1 });
  });

  test('unknown memory leaves CPU judged; use beyond the allocation is no slack', () => {
    const uses = steady(4, 3).map((use) => ({ ...use, memoryMiB: Number.NaN }));
    expect(assess(run({ phases, uses }))).toMatchObject({ slackCores: 0, slackMemory: Number.NaN });
  });

  test('nothing sampled is nothing judged', () => {
    expect(assess(run({ phases }))).toMatchObject({
      seconds: 0,
      slackCores: Number.NaN,
      throttledSeconds: 0,
    });
  });
});

test('reads the phases that the workload announces, and nothing else', () => {
  const note = 'phase 3 burst threads=2 duty=55 memory=96 seconds=4.10 at=12.0';
  const expected = { t: 7, cycle: 3, name: 'burst', threads: 2, cores: 1.1, memoryMiB: 96 };
  expect(parsePhaseNote(note, 7)).toEqual({ ...expected, cores: expect.closeTo(1.1) });
  expect(parsePhaseNote('summary phases=3', 7)).toBeUndefined();
  expect(parsePhaseNote(' phase 3 x', 7)).toBeUndefined();
});
