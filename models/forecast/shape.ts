/** The shape of the tactical forecast: 4 s ahead in 250 ms steps, seven quantiles. */
import type { ForecastShape } from './port.ts';

export const TACTICAL_SHAPE: ForecastShape = {
  stepMs: 250,
  horizon: 16,
  quantiles: [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95],
};
