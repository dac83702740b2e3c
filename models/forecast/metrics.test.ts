/** Pinball loss and the scores of quantile forecasts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pinballLoss, QuantileScore } from './metrics.ts';

const TAUS = [0.1, 0.5, 0.9];

describe('pinball loss', () => {
  it('punishes under-forecasting by tau and over-forecasting by 1 - tau', () => {
    expect(pinballLoss(10, 8, 0.9)).toBeCloseTo(1.8);
    expect(pinballLoss(8, 10, 0.9)).toBeCloseTo(0.2);
  });

  it('is never negative, and nothing only when exact', () => {
    const value = fc.double({ min: -1e3, max: 1e3, noNaN: true });
    fc.assert(
      fc.property(value, value, fc.constantFrom(...TAUS), (actual, quantile, tau) => {
        const loss = pinballLoss(actual, quantile, tau);
        return actual === quantile ? loss === 0 : loss >= 0;
      }),
    );
  });

  it('is least at the true quantile of a sample', () => {
    const sample = Array.from({ length: 101 }, (_, i) => i);
    const loss = (quantile: number) => sample.reduce((sum, y) => sum + pinballLoss(y, quantile, 0.9), 0);
    expect(loss(90)).toBeLessThan(loss(80));
    expect(loss(90)).toBeLessThan(loss(98));
  });
});

describe('QuantileScore', () => {
  it('gives losses in units of the scale and the share of values inside the 80 % interval', () => {
    const score = new QuantileScore(TAUS);
    score.add(Float32Array.of(0, 5, 10, 0, 5, 10), Float32Array.of(5, 20), 10);
    expect(score.coverage80).toBe(0.5);
    const first = 0.1 * 5 + 0 + 0.1 * 5;
    const second = 0.1 * 20 + 0.5 * 15 + 0.9 * 10;
    expect(score.pinball).toBeCloseTo((first + second) / 6 / 10);
  });

  it('skips values that are not known', () => {
    const score = new QuantileScore(TAUS);
    score.add(Float32Array.of(0, 5, 10, 0, 5, 10), Float32Array.of(5, Number.NaN), 1);
    expect(score.coverage80).toBe(1);
  });
});
