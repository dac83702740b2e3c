/** A ticker's clock under any delays: never early, always on the grid of its interval, every missed tick counted. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TestClock } from '../../test/conformance/hypervisor-test-clock.ts';
import { Ticker } from './ticker.ts';

test('ticks fall on multiples of the interval, and ticks and skipped ones add up to the time that passed', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 95 }), { maxLength: 40 }), (delays) => {
      const clock = new TestClock();
      const times: number[] = [];
      const onTick = () => {
        times.push(clock.now());
        clock.advance(delays[times.length - 1] ?? 0);
      };
      const ticker = new Ticker({ clock, intervalMs: 20, onTick });
      ticker.start();
      clock.advance(5000);
      ticker.stop();
      expect(times.every((t) => t % 20 === 0)).toBe(true);
      const { ticks, skipped } = ticker.report();
      expect(ticks).toBe(times.length);
      expect(ticks + skipped).toBe(times.at(-1)! / 20);
    }),
  );
});

test('tells how far intervals were from the one asked for', () => {
  const clock = new TestClock();
  let tick = 0;
  const ticker = new Ticker({ clock, intervalMs: 10, onTick: () => clock.advance(++tick === 50 ? 14 : 0) });
  expect(ticker.report()).toEqual({
    ticks: 0,
    skipped: 0,
    intervalErrorP50Ms: Number.NaN,
    intervalErrorP99Ms: Number.NaN,
    intervalErrorMaxMs: 0,
  });
  ticker.start();
  clock.advance(1010);
  expect(ticker.report()).toMatchObject({ ticks: 100, skipped: 1, intervalErrorMaxMs: 10 });
  expect(ticker.report().intervalErrorP50Ms).toBeLessThanOrEqual(0.1);
  expect(ticker.report().intervalErrorP99Ms).toBeLessThanOrEqual(0.1);
});

test('may be stopped from within a tick, and started again', () => {
  const clock = new TestClock();
  let ticks = 0;
  const ticker: Ticker = new Ticker({
    clock,
    intervalMs: 10,
    onTick: () => {
      ticks++;
      ticker.stop();
    },
  });
  ticker.start();
  clock.advance(100);
  expect([ticks, ticker.running]).toEqual([1, false]);
  ticker.start();
  clock.advance(100);
  expect(ticks).toBe(2);
});
