/** What OpenTelemetry is told about actors: a span for each handled message, metrics, and fields for logs. */
export { ActorTelemetry, type ActorTelemetryOptions } from './actor-telemetry.ts';
export { type Failure, failureFields } from './failure-fields.ts';
export type { Handling } from './handling.ts';
export {
  type CommandOutcome,
  type MetricDescription,
  type MetricSink,
  meterSink,
  type Observation,
} from './metrics.ts';
export type { Measured } from './tally.ts';
