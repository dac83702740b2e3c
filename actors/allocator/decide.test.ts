/** Allocation decisions: when something is raised or lowered, how far, and why. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide } from './decide.ts';
import { peakWithin, quantileAt } from './forecast-target.ts';
import type { Change, DomainView, Patience, Policy, QuantileForecast } from './view.ts';

const FORECAST: Policy = { kind: 'forecast', confidence: 0.9 };
const REACTIVE: Policy = { kind: 'reactive', confidence: 0.9 };

/** The same rising quantiles at each step: `peaks[h]` is the 0.9 quantile. */
function forecast(peaks: readonly number[]): QuantileForecast {
  const quantiles = [0.1, 0.5, 0.9];
  const values = new Float32Array(peaks.flatMap((peak) => [peak * 0.2, peak * 0.6, peak]));
  return { stepMs: 250, horizon: peaks.length, quantiles, values };
}
const view = (more: Partial<DomainView> = {}): DomainView => ({
  useCores: 0.5,
  useMemoryMiB: 100,
  throttled: 0,
  shrinking: false,
  allocation: { cores: 1, vcpus: 2, memoryMiB: 128 },
  floor: { cores: 0.1, vcpus: 1, memoryMiB: 128 },
  limit: { cores: 4, vcpus: 4, memoryMiB: 512 },
  cores: undefined,
  memory: undefined,
  ...more,
});
const changeOf = (changes: readonly Change[], resource: string) =>
  changes.find((change) => change.resource === resource);

/** Asks every 250 ms while the domain stays as it is; when and what the first change of the resource was. */
function firstChange(domain: DomainView, policy: Policy, resource: 'cores' | 'memoryMiB' | 'vcpus') {
  let patience: Patience = {};
  for (let now = 0; now <= 20_000; now += 250) {
    const decided = decide(domain, policy, patience, now);
    patience = decided.patience;
    const change = changeOf(decided.changes, resource);
    if (change !== undefined) return { now, change };
  }
  return undefined;
}

describe('by forecast', () => {
  test('raises at once for the peak within the lead, and says why', () => {
    const { changes } = decide(view({ cores: forecast([0.5, 0.6, 2, 0.5]) }), FORECAST, {}, 0);
    expect(changeOf(changes, 'cores')).toEqual({
      resource: 'cores',
      from: 1,
      to: 2.17,
      reason: { rule: 'forecast', use: 0.5, demand: 2, quantile: 0.9, aheadMs: 750 },
    });
    expect(changeOf(changes, 'vcpus')).toMatchObject({ from: 2, to: 3, reason: { rule: 'forecast' } });
  });

  test('does not look beyond the time a change needs', () => {
    const far = view({ cores: forecast([...Array(40).fill(0.9), 4]) });
    expect(changeOf(decide(far, FORECAST, {}, 0).changes, 'cores')).toBeUndefined();
  });

  test('lowers only after a while, to what is needed, and calls it a release; vCPUs later still', () => {
    const domain = view({ cores: forecast([0.5, 0.5]) });
    const lowered = firstChange(domain, FORECAST, 'cores');
    expect(lowered).toMatchObject({ change: { from: 1, reason: { rule: 'release', quantile: 0.9 } } });
    expect(lowered?.now).toBeGreaterThan(0);
    expect(lowered?.change.to).toBeGreaterThan(0.5);
    expect(lowered?.change.to).toBeLessThan(0.7);
    expect(firstChange(domain, FORECAST, 'vcpus')?.now).toBeGreaterThan(lowered!.now);
  });

  test('patience starts anew when demand comes back', () => {
    const low = view({ cores: forecast([0.5]) });
    const { patience } = decide(low, FORECAST, {}, 0);
    const high = decide(view({ cores: forecast([1]) }), FORECAST, patience, 250);
    expect(decide(low, FORECAST, high.patience, 500).changes).toEqual([]);
  });

  test('never goes below what is used, whatever the forecast says', () => {
    const domain = view({ useCores: 0.9, cores: forecast([0.1, 0.1]) });
    expect(firstChange(domain, FORECAST, 'cores')?.change.to ?? 1).toBeGreaterThanOrEqual(0.9);
  });

  test('held back by its quota: demand cannot be seen, so up by half', () => {
    const domain = view({ useCores: 1, throttled: 0.4, cores: forecast([1, 1]) });
    expect(changeOf(decide(domain, FORECAST, {}, 0).changes, 'cores')).toMatchObject({
      to: 1.5,
      reason: { rule: 'held-back', use: 1, demand: 1.5 },
    });
    expect(
      changeOf(decide({ ...domain, throttled: 0.04 }, FORECAST, {}, 0).changes, 'cores')?.reason.rule,
    ).toBe('forecast');
  });

  test('memory is asked for in whole blocks', () => {
    const change = changeOf(decide(view({ memory: forecast([301]) }), FORECAST, {}, 0).changes, 'memoryMiB');
    expect(change!.to % 2).toBe(0);
    expect(change!.to).toBeGreaterThan(301);
  });

  test('what is unknown is left alone', () => {
    const blind = view({ useCores: Number.NaN, useMemoryMiB: Number.NaN, throttled: Number.NaN });
    expect(decide(blind, FORECAST, {}, 0).changes).toEqual([]);
    expect(decide(blind, REACTIVE, {}, 0).changes).toEqual([]);
  });
});

describe('by the reactive rule', () => {
  test('raises by half when use passes 80 %', () => {
    expect(decide(view({ useCores: 0.8 }), REACTIVE, {}, 0).changes).toEqual([]);
    expect(changeOf(decide(view({ useCores: 0.81 }), REACTIVE, {}, 0).changes, 'cores')).toMatchObject({
      to: 1.5,
      reason: { rule: 'reactive-raise', use: 0.81 },
    });
  });

  test('lowers when use stays below half', () => {
    const lowered = firstChange(view({ useCores: 0.3 }), REACTIVE, 'cores');
    expect(lowered).toMatchObject({ now: 2_000, change: { reason: { rule: 'reactive-lower' } } });
    expect(lowered?.change.to).toBeCloseTo(0.47);
  });
});

test('fixed changes nothing', () => {
  const domain = view({ useCores: 4, throttled: 1, cores: forecast([4]) });
  expect(decide(domain, { kind: 'fixed', confidence: 0.9 }, { cores: 0 }, 1e6)).toEqual({
    changes: [],
    patience: {},
  });
});

test('the last bit up to the limit is given, however small', () => {
  const domain = view({
    useCores: 3.98,
    allocation: { cores: 3.97, vcpus: 4, memoryMiB: 128 },
    cores: forecast([5]),
  });
  expect(changeOf(decide(domain, FORECAST, {}, 0).changes, 'cores')?.to).toBe(4);
});

test('whatever is seen and forecast: within floor and limit, never without a reason that fits', () => {
  const amount = (max: number) => fc.oneof(fc.double({ min: 0, max, noNaN: true }), fc.constant(Number.NaN));
  const allocation = fc.record({
    cores: fc.double({ min: 0.1, max: 4, noNaN: true }),
    vcpus: fc.integer({ min: 1, max: 4 }),
    memoryMiB: fc.integer({ min: 128, max: 512 }),
  });
  const seen = fc.record({
    useCores: amount(8),
    useMemoryMiB: amount(1024),
    throttled: amount(1),
    allocation,
    cores: fc.option(fc.array(amount(16), { minLength: 1, maxLength: 16 }).map(forecast), { nil: undefined }),
    memory: fc.option(fc.array(amount(2048), { minLength: 1, maxLength: 16 }).map(forecast), {
      nil: undefined,
    }),
  });
  fc.assert(
    fc.property(seen, fc.constantFrom(FORECAST, REACTIVE), fc.nat(10_000), (more, policy, since) => {
      const domain = view(more);
      const patience = { cores: since, vcpus: since, memoryMiB: since };
      const { changes } = decide(domain, policy, patience, 10_000);
      for (const { resource, from, to, reason } of changes) {
        expect(from).toBe(domain.allocation[resource]);
        expect(to).not.toBe(from);
        expect(to).toBeGreaterThanOrEqual(domain.floor[resource]);
        expect(to).toBeLessThanOrEqual(domain.limit[resource]);
        expect(Number.isFinite(reason.use) && Number.isFinite(reason.demand)).toBe(true);
        const raise = ['forecast', 'held-back', 'reactive-raise'];
        expect(raise.includes(reason.rule)).toBe(to > from);
      }
    }),
  );
});

describe('quantiles', () => {
  const f: QuantileForecast = {
    stepMs: 250,
    horizon: 2,
    quantiles: [0.1, 0.5, 0.9],
    values: new Float32Array([1, 2, 6, 10, 20, 60]),
  };
  test.each([
    [0, 0.5, 2],
    [0, 0.7, 4],
    [0, 0.3, 1.5],
    [0, 0.05, 1],
    [0, 0.99, 6],
    [1, 0.7, 40],
  ])('step %i at %d is %d', (h, confidence, value) => {
    expect(quantileAt(f, h, confidence)).toBeCloseTo(value, 5);
  });

  test('the peak is looked for in at least one step, and at most the horizon', () => {
    expect(peakWithin(f, 0.5, 1)).toEqual({ value: 2, aheadMs: 250 });
    expect(peakWithin(f, 0.5, 60_000)).toEqual({ value: 20, aheadMs: 500 });
  });
});
