/** What every BatchForecaster must do, whatever it is made of. */
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type BatchForecaster, generateWorkload } from '../../models/mod.ts';

export function describeForecaster(name: string, open: () => Promise<BatchForecaster>): void {
  /** A forecaster that goes away with its test. */
  const opened = async (): Promise<BatchForecaster> => {
    const forecaster = await open();
    onTestFinished(() => forecaster[Symbol.asyncDispose]());
    return forecaster;
  };

  describe(`forecaster ${name}`, () => {
    it('has ascending quantiles between 0 and 1, and a horizon', async () => {
      const forecaster = await opened();
      const { stepMs, horizon, quantiles } = forecaster.shape;
      expect(stepMs).toBeGreaterThan(0);
      expect(horizon).toBeGreaterThan(0);
      quantiles.forEach((tau, i) => {
        expect(tau).toBeGreaterThan(quantiles[i - 1] ?? 0);
        expect(tau).toBeLessThan(1);
      });
    });

    it('gives finite, non-negative quantiles that never cross, whatever comes in', async () => {
      const value = fc.oneof(
        fc.float({ min: 0, max: 8, noNaN: true }),
        fc.constantFrom(Number.NaN, 0, -1, Number.POSITIVE_INFINITY, Math.fround(1e9)),
      );
      const tick = fc.tuple(value, value, fc.boolean());
      await fc.assert(
        fc.asyncProperty(fc.array(tick, { minLength: 1, maxLength: 60 }), async (ticks) => {
          const forecaster = await opened();
          forecaster.track('a', 4);
          forecaster.track('b', 4);
          for (const [a, b, held] of ticks) {
            const forecast = await forecaster.step(Float32Array.of(a, b), Uint8Array.of(held ? 1 : 0, 0));
            expectQuantiles(forecaster, forecast, 2);
          }
        }),
        { numRuns: 15 },
      );
    });

    it('gives rows in the order of ids; untracking takes one row away and leaves the others as they are', async () => {
      const forecaster = await opened();
      const alone = await opened();
      for (const id of ['a', 'b', 'c']) forecaster.track(id, 1);
      alone.track('c', 1);
      for (let step = 0; step < 30; step++) {
        await forecaster.step(Float32Array.of(0.1, 0.5, wave(step)));
        await alone.step(Float32Array.of(wave(step)));
      }
      forecaster.untrack('b');
      expect(forecaster.ids).toEqual(['a', 'c']);
      const both = await forecaster.step(Float32Array.of(0.1, wave(30)));
      const one = await alone.step(Float32Array.of(wave(30)));
      expectClose(both.subarray(one.length), one);
    });

    it('starts afresh when an id is tracked again', async () => {
      const forecaster = await opened();
      const fresh = await opened();
      forecaster.track('a', 1);
      for (let step = 0; step < 40; step++) await forecaster.step(Float32Array.of(wave(step)));
      forecaster.track('a', 2);
      fresh.track('a', 2);
      expect(forecaster.ids).toEqual(['a']);
      expectClose(await forecaster.step(Float32Array.of(1)), await fresh.step(Float32Array.of(1)));
    });

    it('does not depend on the unit: series and scale times 1024 give forecasts times 1024', async () => {
      const forecaster = await opened();
      forecaster.track('cores', 1);
      forecaster.track('MiB', 1024);
      for (let step = 0; step < 80; step++) {
        const forecast = await forecaster.step(Float32Array.of(wave(step), 1024 * wave(step)));
        const half = forecast.length / 2;
        const scaled = forecast.subarray(half).map((value) => value / 1024);
        expectClose(scaled, forecast.subarray(0, half));
      }
    });

    it('settles on a constant', async () => {
      const forecaster = await opened();
      const { quantiles } = forecaster.shape;
      forecaster.track('a', 1);
      let forecast = new Float32Array(0);
      for (let step = 0; step < 120; step++)
        forecast = new Float32Array(await forecaster.step(Float32Array.of(0.4)));
      const median = forecast[quantiles.indexOf(0.5)]!;
      expect(Math.abs(median - 0.4)).toBeLessThan(0.03);
    });

    it('says the same for the same series', async () => {
      const { observed, scale, censored } = generateWorkload({
        family: 'bursts',
        seed: 5,
        length: 60,
        censoring: true,
      });
      const play = async (): Promise<Float32Array> => {
        const forecaster = await opened();
        forecaster.track('a', scale);
        let forecast = new Float32Array(0);
        for (const [step, value] of observed.entries()) {
          const flags = Uint8Array.of(censored[step]!);
          forecast = new Float32Array(await forecaster.step(Float32Array.of(value), flags));
        }
        return forecast;
      };
      expect(await play()).toEqual(await play());
    });

    it('has nothing to say about no series', async () => {
      const forecaster = await opened();
      expect(await forecaster.step(new Float32Array(0))).toHaveLength(0);
    });

    it('refuses a wrong count and a wrong scale with a typed error that names the field', async () => {
      const forecaster = await opened();
      const refused = (field: string) => expect.objectContaining({ code: 'invalid-argument', field });
      for (const scale of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
        expect(() => forecaster.track('a', scale)).toThrow(refused('scale'));
      }
      forecaster.track('a', 1);
      await expect(forecaster.step(new Float32Array(2))).rejects.toEqual(refused('values'));
      await expect(forecaster.step(new Float32Array(1), new Uint8Array(2))).rejects.toEqual(
        refused('censored'),
      );
    });
  });
}

function wave(step: number): number {
  return 0.4 + 0.3 * Math.sin(step / 4);
}

function expectQuantiles(forecaster: BatchForecaster, forecast: Float32Array, series: number): void {
  const { horizon, quantiles } = forecaster.shape;
  expect(forecast).toHaveLength(series * horizon * quantiles.length);
  forecast.forEach((value, i) => {
    const least = i % quantiles.length === 0 ? 0 : forecast[i - 1]!;
    if (!(Number.isFinite(value) && value >= least)) {
      expect.fail(`quantile ${i} is ${value}, at least ${least} is needed`);
    }
  });
}

function expectClose(actual: Float32Array, expected: Float32Array): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, 3);
  });
}
