/** Forecasting of demand: the port, the LSTM, baselines, training and evaluation. */
export { movingMaximum, persistence, seasonalNaive } from './baselines/point.ts';
export { recurrenceOnly } from './baselines/recurrence.ts';
export {
  type Candidate,
  EVALUATION_SEED,
  type EvaluationSeries,
  evaluationSeries,
  FAMILIES,
  type ForecastScore,
  provisioningWorkloads,
  recordedSeries,
  scoreForecaster,
  scoreForecastRule,
  scoreReactiveRule,
} from './evaluate.ts';
export { loadLstmForecaster, openLstmForecaster } from './lstm-forecaster.ts';
export { pinballLoss, QuantileScore } from './metrics.ts';
export type { BatchForecaster, ForecastShape } from './port.ts';
export {
  type AllocationRule,
  forecastRule,
  type ProvisioningScore,
  provision,
  reactiveRule,
} from './provisioning.ts';
export { type Recording, readRecordings, writeRecordings } from './recordings.ts';
export { TACTICAL_SHAPE } from './shape.ts';
export { type TrainOptions, type TrainProgress, train } from './train.ts';
export type { FamilyName } from './workloads/families.ts';
export { generateWorkload, type Workload, type WorkloadOptions } from './workloads/generate.ts';
