/** The face of the model room: series in, numbers out. Knows neither messages nor the grid. */
export { ModelError, type ModelErrorCode, type ModelErrorOptions } from './errors.ts';
export * from './forecast/mod.ts';
export { RECORDINGS, TACTICAL_MODEL } from './trained/mod.ts';
