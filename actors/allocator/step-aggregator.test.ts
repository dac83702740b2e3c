/** From samples to steps: counters become rates, and nothing between two steps is lost. */
import { expect, test } from 'vitest';
import { SAMPLE_COLUMNS } from '../host/mod.ts';
import { StepAggregator } from './step-aggregator.ts';

type Row = readonly [cpu: number, throttled: number, total?: number, available?: number, vcpus?: number];

function frame(t: number, ...rows: readonly Row[]) {
  const values = Float64Array.from(
    rows.flatMap(([cpu, throttled, total = Number.NaN, available = Number.NaN, vcpus = 1]) => [
      cpu,
      throttled,
      total,
      available,
      vcpus,
    ]),
  );
  const ids = rows.map((_, i) => `d${i}`);
  return { source: 'h', t, intervalMs: 50, columns: SAMPLE_COLUMNS, ids, values };
}

const NOTHING = { cores: Number.NaN, throttled: Number.NaN, memoryUsedMiB: Number.NaN };

test('rates are taken over the whole step, gauges from its last sample', () => {
  const steps = new StepAggregator();
  steps.add(frame(1000, [9, 9], [5, 1, 90, 80]), 1);
  steps.add(frame(1050, [9, 9], [5.1, 1, 90, 80]), 1);
  steps.add(frame(1250, [9, 9], [5.2, 1.05, 90, 40, 2]), 1);
  expect(steps.take()).toEqual({
    cores: expect.closeTo(0.8),
    throttled: expect.closeTo(0.2),
    memoryUsedMiB: 50,
    memoryTotalMiB: 90,
    onlineVcpus: 2,
  });
  steps.add(frame(1500, [9, 9], [5.3, 1.05, 90, 40]), 1);
  expect(steps.take()).toMatchObject({ cores: expect.closeTo(0.4), throttled: expect.closeTo(0) });
});

test('nothing sampled is NaN, and the next step covers the gap', () => {
  const steps = new StepAggregator();
  expect(steps.take()).toMatchObject(NOTHING);
  steps.add(frame(0, [1, 0]), 0);
  expect(steps.take()).toMatchObject(NOTHING);
  steps.add(frame(250, [Number.NaN, Number.NaN]), 0);
  expect(steps.take()).toMatchObject(NOTHING);
  steps.add(frame(1000, [2, 0]), 0);
  expect(steps.take()).toMatchObject({ cores: 1 });
});

test('a counter that ran backwards belongs to a domain that was restarted', () => {
  const steps = new StepAggregator();
  steps.add(frame(0, [50, 3]), 0);
  steps.add(frame(250, [0.1, 0]), 0);
  expect(steps.take()).toMatchObject(NOTHING);
  steps.add(frame(500, [0.2, 0]), 0);
  expect(steps.take()).toMatchObject({ cores: expect.closeTo(0.4) });
});

test('throttled time of several groups is at most the whole step', () => {
  const steps = new StepAggregator();
  steps.add(frame(0, [0, 0]), 0);
  steps.add(frame(250, [0, 2]), 0);
  expect(steps.take().throttled).toBe(1);
});

test('a column that is not there is unknown, not the neighbour of another', () => {
  const steps = new StepAggregator();
  const sparse = (t: number, cpu: number) => ({
    ...frame(t, [0, 0]),
    columns: ['cpuSeconds'],
    ids: ['a', 'b'],
    values: Float64Array.from([77, cpu]),
  });
  steps.add(sparse(0, 1), 1);
  steps.add(sparse(250, 1.25), 1);
  expect(steps.take()).toMatchObject({ cores: 1, throttled: Number.NaN, memoryTotalMiB: Number.NaN });
});
