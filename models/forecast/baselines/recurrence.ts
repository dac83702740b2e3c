/** The recurrence features as a forecaster of their own: what the network has to improve on. */
import { Featurizer, STATE_FEATURES } from '../features/featurizer.ts';
import type { BatchForecaster, ForecastShape } from '../port.ts';
import { SeriesForecaster } from './series-forecaster.ts';

export function recurrenceOnly(shape: ForecastShape): BatchForecaster {
  const taus = shape.quantiles.length;
  const width = Featurizer.aheadWidth(taus);
  return new SeriesForecaster('recurrence-only', shape, (scale) => {
    const featurizer = new Featurizer(scale, shape.quantiles, shape.horizon);
    const state = new Float32Array(STATE_FEATURES.length);
    const ahead = new Float32Array(shape.horizon * width);
    return {
      step(value, censored, out) {
        const { base, span } = featurizer.push(value, censored, state, ahead);
        for (let h = 0; h < shape.horizon; h++) {
          for (let q = 0; q < taus; q++) out[h * taus + q] = Math.max(0, base + span * ahead[h * width + q]!);
        }
      },
    };
  });
}
