/** The sampler's clock: it does not drift, skips what it missed, and stands still without domains. */
import { expect, test } from 'vitest';
import type { Frame } from '../../runtime/mod.ts';
import { TestClock } from '../../test/conformance/hypervisor-test-clock.ts';
import { type Hypervisor, SAMPLE_COLUMNS } from './port/mod.ts';
import { Sampler } from './sampler.ts';

function start(onSample: (clock: TestClock) => void = () => {}) {
  const clock = new TestClock();
  const frames: Frame[] = [];
  const hypervisor = {
    sample(names: readonly string[], out: Float64Array) {
      onSample(clock);
      out.fill(names.length);
    },
  } as unknown as Hypervisor;
  const onFrame = (frame: Frame) => frames.push({ ...frame, values: frame.values.slice() });
  const sampler = new Sampler({ host: 'h', hypervisor, clock, intervalMs: 50, onFrame });
  return { clock, frames, sampler, times: () => frames.map((frame) => frame.t) };
}

test('frames come at steady times, one row per domain', () => {
  const { clock, frames, sampler, times } = start();
  clock.advance(7);
  sampler.watch(['a', 'b']);
  clock.advance(200);
  expect(times()).toEqual([57, 107, 157, 207]);
  expect(frames[0]).toMatchObject({ source: 'h', intervalMs: 50, columns: SAMPLE_COLUMNS, ids: ['a', 'b'] });
  expect(frames[0]?.values).toEqual(new Float64Array(2 * SAMPLE_COLUMNS.length).fill(2));
});

test('a slow sample shortens the next wait instead of delaying all that follow', () => {
  const { clock, sampler, times } = start((c) => c.advance(20));
  sampler.watch(['a']);
  clock.advance(300);
  expect(times()).toEqual([70, 120, 170, 220, 270, 320]);
});

test('ticks that were missed are skipped, and their time is told', () => {
  let late = 130;
  const { clock, frames, sampler, times } = start((c) => {
    c.advance(late);
    late = 0;
  });
  sampler.watch(['a']);
  clock.advance(300);
  expect(times()).toEqual([180, 200, 250, 300]);
  expect(frames.map((frame) => frame.intervalMs)).toEqual([180, 20, 50, 50]);
});

test('stands still without domains, and follows a change of them', () => {
  const { clock, frames, sampler } = start();
  clock.advance(500);
  sampler.watch(['a']);
  clock.advance(50);
  sampler.watch(['a', 'b']);
  clock.advance(50);
  sampler.watch([]);
  clock.advance(500);
  expect(frames.map((frame) => frame.ids)).toEqual([['a'], ['a', 'b']]);
  sampler.watch(['b']);
  clock.advance(50);
  expect(frames.at(-1)).toMatchObject({ ids: ['b'], intervalMs: 50 });
  sampler.stop();
  clock.advance(500);
  expect(frames.length).toBe(3);
});

test('ids of other rates have frames and clocks of their own', () => {
  const clock = new TestClock();
  const seen: string[] = [];
  const sampler = new Sampler({
    host: 'h',
    hypervisor: { sample: (_, out) => out.fill(1) },
    columns: ['one', 'two'],
    clock,
    intervalMs: 40,
    intervalOf: (id) => (id === 'fast' ? 20 : 40),
    onFrame: ({ t, ids, columns, values }) => {
      expect(columns).toEqual(['one', 'two']);
      expect(values.length).toBe(ids.length * 2);
      seen.push(`${t} ${ids.join()}`);
    },
  });
  sampler.watch(['fast', 'a', 'b']);
  clock.advance(80);
  expect(seen.sort()).toEqual(['20 fast', '40 a,b', '40 fast', '60 fast', '80 a,b', '80 fast']);
  sampler.watch(['a']);
  clock.advance(80);
  expect(seen.slice(6)).toEqual(['120 a', '160 a']);
  sampler.stop();
  clock.advance(100);
  expect(seen.length).toBe(8);
  expect(sampler.reports().get(20)).toMatchObject({ ticks: 4, skipped: 0, intervalErrorP99Ms: 0 });
  expect(sampler.reports().get(40)).toMatchObject({ ticks: 4, skipped: 0, intervalErrorMaxMs: 0 });
});
