/** Features of a series: causal, bounded, free of units; phases and seasons are found again. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TACTICAL_SHAPE } from '../shape.ts';
import { generateWorkload } from '../workloads/generate.ts';
import { Featurizer, STATE_FEATURES } from './featurizer.ts';
import { History } from './history.ts';
import { Seasonality } from './seasonality.ts';
import { Segmenter } from './segments.ts';

const { horizon, quantiles } = TACTICAL_SHAPE;
const WIDTH = Featurizer.aheadWidth(quantiles.length);

/** All features of the last of `values`. */
function featuresOf(
  values: Iterable<number>,
  censored?: Uint8Array,
): { state: Float32Array; ahead: Float32Array } {
  const featurizer = new Featurizer(1, quantiles, horizon);
  const state = new Float32Array(STATE_FEATURES.length);
  const ahead = new Float32Array(horizon * WIDTH);
  let step = 0;
  for (const value of values) {
    featurizer.push(value, censored?.[step] === 1, state, ahead);
    step++;
  }
  return { state, ahead };
}

/** `cycles` of `low` steps at 0.2 and `high` steps at 0.8. */
function square(low: number, high: number, cycles: number): number[] {
  return Array.from({ length: cycles }, () => [...Array(low).fill(0.2), ...Array(high).fill(0.8)]).flat();
}

describe('Featurizer', () => {
  it('is causal: what comes later never changes a feature', () => {
    const tail = fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer(), tail, (cut, seed, future) => {
        const { observed, scale } = generateWorkload({ family: 'multi-phase', seed, length: 301 });
        const past = [...observed.subarray(0, cut)].map((value) => value / scale);
        const featurizer = new Featurizer(1, quantiles, horizon);
        const state = new Float32Array(STATE_FEATURES.length);
        const ahead = new Float32Array(horizon * WIDTH);
        for (const value of past) featurizer.push(value, false, state, ahead);
        const kept = { state: state.slice(), ahead: ahead.slice() };
        for (const value of future) featurizer.push(value, false, state, ahead);
        expect(featuresOf(past)).toEqual(kept);
      }),
      { numRuns: 20 },
    );
  });

  it('gives finite features within bounds for any input: NaN, infinities, negative, huge', () => {
    const value = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -1, 1e30, 0));
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 80 }), (values) => {
        const { state, ahead } = featuresOf(values.map(Math.fround));
        for (const feature of state) expect(Math.abs(feature)).toBeLessThanOrEqual(4);
        for (const feature of ahead) expect(Number.isFinite(feature)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('does not depend on the unit of the values', () => {
    const values = square(20, 15, 3);
    const [one, thousand] = [1, 1024].map((scale) => {
      const featurizer = new Featurizer(scale, quantiles, horizon);
      const state = new Float32Array(STATE_FEATURES.length);
      const ahead = new Float32Array(horizon * WIDTH);
      for (const value of values) featurizer.push(value * scale, false, state, ahead);
      return [...state, ...ahead];
    });
    one!.forEach((feature, i) => {
      expect(thousand![i]).toBeCloseTo(feature, 3);
    });
  });
});

describe('recurrence', () => {
  const changedBy4 = STATE_FEATURES.indexOf('changedBy4');
  const q90 = quantiles.indexOf(0.9);
  const lowFor = (steps: number) => featuresOf([...square(40, 30, 3), ...Array(steps).fill(0.2)]);

  it('sees no change coming in the middle of a phase it has seen before', () => {
    const { state, ahead } = lowFor(18);
    expect(state[changedBy4]).toBeLessThan(0.05);
    expect(ahead[3 * WIDTH + q90]).toBeCloseTo(0, 1);
  });

  it('has the upper quantile at the next level when the phase is about to end', () => {
    const { ahead } = lowFor(38);
    expect(ahead[4 * WIDTH + q90]).toBeCloseTo(1, 1);
  });

  it('gives up on a phase that has long outlasted what was seen', () => {
    const { state } = lowFor(160);
    expect(state[changedBy4]).toBeLessThan(0.3);
  });
});

describe('Segmenter', () => {
  const cut = (values: readonly number[], censored: (step: number) => boolean = () => false) => {
    const segmenter = new Segmenter();
    values.forEach((value, step) => {
      segmenter.push(step, value, censored(step), 0.6, 0.02);
    });
    return segmenter;
  };

  it('finds phases, their durations and levels', () => {
    const { ended } = cut([...square(12, 9, 2), 0.2]);
    expect(ended.map(({ duration }) => duration)).toEqual([12, 9, 12, 9]);
    expect(ended[1]!.level).toBeCloseTo(0.8);
  });

  it('takes an edge that needs two steps for one change', () => {
    const { ended } = cut([...Array(10).fill(0.2), 0.5, ...Array(10).fill(0.8)]);
    expect(ended).toHaveLength(1);
  });

  it('takes a climb that a limit slows down for one change', () => {
    const climb = [0.35, 0.35, 0.5, 0.5, 0.65, 0.65];
    const values = [...Array(10).fill(0.2), ...climb, ...Array(10).fill(0.8)];
    const { ended } = cut(values, (step) => step >= 10 && step < 16);
    expect(ended).toHaveLength(1);
  });

  it('takes a single value that stands out for no phase', () => {
    const segmenter = cut([...Array(10).fill(0.8), 0.3, ...Array(10).fill(0.8)]);
    expect(segmenter.ended).toHaveLength(0);
    expect(segmenter.start).toBe(0);
  });

  it('finds phases again after it has missed some: what was missed does not pass for noise for ever', () => {
    const wild = Array.from({ length: 120 }, (_, i) => (i % 3 === 0 ? 0.3 : 0.7));
    const { ended } = cut([...wild, ...square(12, 9, 12)]);
    expect(ended.slice(-6).map(({ duration }) => duration)).toEqual([9, 12, 9, 12, 9, 12]);
  });

  it('ignores noise and a small bump', () => {
    const { ended } = cut(Array.from({ length: 100 }, (_, i) => 0.5 + 0.01 * Math.sin(i * i)));
    expect(ended).toHaveLength(0);
  });
});

describe('Seasonality', () => {
  it.each([20, 47, 110])('finds a period of %i steps', (period) => {
    const history = new History();
    const seasonality = new Seasonality();
    for (let step = 0; step < 4 * period; step++) {
      history.push(Math.sin((2 * Math.PI * step) / period) + 1);
      seasonality.update(history);
    }
    expect(Math.abs(seasonality.period - period)).toBeLessThanOrEqual(1);
    expect(seasonality.confidence).toBeGreaterThan(0.8);
    expect(seasonality.lookup(history, 3)).toBeCloseTo(Math.sin((2 * Math.PI * 3) / period) + 1, 0);
  });
});
