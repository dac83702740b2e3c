/** A domain in the allocator's care: one directive at a time, patience after a refusal, the kernel's share. */
import { beforeEach, expect, test } from 'vitest';
import { type Directive, SAMPLE_COLUMNS, type Settlement } from '../host/mod.ts';
import type { QuantileForecast } from './view.ts';
import { Ward } from './ward.ts';

let ward: Ward;
let t: number;
let cpu: number;
let serial: number;

beforeEach(() => {
  [t, cpu, serial] = [0, 0, 0];
  ward = new Ward({
    jobId: 'j',
    domain: 'sg-j',
    host: 'h',
    policy: { kind: 'forecast', confidence: 0.9 },
    allocation: { cores: 1, vcpus: 2, memoryMiB: 128 },
    floor: { cores: 0.1, vcpus: 1, memoryMiB: 128 },
    limit: { cores: 2, vcpus: 2, memoryMiB: 512 },
    dryRun: false,
  });
  sample(0, 92, 50);
});

function sample(cores: number, totalMiB = Number.NaN, availableMiB = Number.NaN, throttled = 0) {
  cpu += cores * 0.25;
  const values = Float64Array.from([cpu, throttled, totalMiB, availableMiB, 2]);
  ward.aggregator.add({ source: 'h', t, intervalMs: 250, columns: SAMPLE_COLUMNS, ids: ['sg-j'], values }, 0);
  t += 250;
}
const peak = (value: number): QuantileForecast => ({
  stepMs: 250,
  horizon: 1,
  quantiles: [0.5, 0.9],
  values: Float32Array.from([value / 2, value]),
});
const decide = (cores = 0.9, memory = 40): Directive[] =>
  ward.decide(peak(cores), peak(memory), t, () => `d-${serial++}`);
const answer = (directive: Directive, outcome: Settlement['outcome'], granted: number) =>
  ward.settle({ directive, outcome, granted, tookMs: 1, at: t });
const tick = (cores = 0.5, total = 92, available = 50) => {
  sample(cores, total, available);
  return ward.tick();
};

test('gives nothing before the first step', () => {
  expect(decide(2)).toEqual([]);
});

test('a directive says all that its reader needs', () => {
  tick();
  expect(decide(1.5)).toEqual([
    {
      id: 'd-0',
      jobId: 'j',
      domain: 'sg-j',
      at: t,
      resource: 'cores',
      from: 1,
      to: 1.64,
      reason: { rule: 'forecast', use: 0.5, demand: expect.closeTo(1.5), quantile: 0.9, aheadMs: 250 },
    },
  ]);
});

test('leaves a resource alone while an answer is due, and asks again without one', () => {
  tick();
  expect(decide(1.5).length).toBe(1);
  for (let i = 0; i < 19; i++) {
    tick();
    expect(decide(1.5)).toEqual([]);
  }
  tick();
  expect(decide(1.5).length).toBe(1);
});

test('goes on from what was granted', () => {
  tick();
  answer(decide(1.5)[0]!, 'partial', 1.2);
  expect(ward.allocation.cores).toBe(1.2);
  tick();
  expect(decide(1.5)).toMatchObject([{ from: 1.2 }]);
});

test('waits a while after a refusal', () => {
  tick();
  answer(decide(1.5)[0]!, 'refused', 1);
  for (let i = 0; i < 3; i++) {
    tick();
    expect(decide(1.5)).toEqual([]);
  }
  tick();
  expect(decide(1.5).length).toBe(1);
});

test("adds the kernel's share to what the guest tells of its memory", () => {
  tick();
  // 128 MiB of domain less 92 of MemTotal: 36 are the kernel's.
  expect(decide(0.9, 150)).toMatchObject([
    { resource: 'memoryMiB', reason: { use: 42 + 36, demand: 150 + 36 } },
  ]);
});

test('memory that the guest has yet to plug is not the share of its kernel', () => {
  tick();
  const [raise] = decide(0.9, 150);
  answer(raise!, 'applied', raise!.to);
  for (let i = 0; i < 8; i++) {
    tick(0.5, 92, 50);
    expect(decide(0.9, 150)).toEqual([]);
  }
});

test('use at the ceiling, or held back by the quota, says no more than "at least"', () => {
  expect(tick(0.5)).toMatchObject({ cores: 0.5, memoryMiB: 42, coresCensored: false });
  expect(tick(0.98).coresCensored).toBe(true);
  sample(0.5, 92, 50, 0.1);
  expect(ward.tick().coresCensored).toBe(true);
});

test('a step without samples is unknown, and nothing is decided on it', () => {
  tick();
  expect(ward.tick()).toMatchObject({ cores: Number.NaN, memoryMiB: Number.NaN });
  expect(decide(2, 400)).toEqual([]);
});
