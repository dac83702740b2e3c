/** Telemetry of a node: Prometheus metrics always, OpenTelemetry when the environment asks for it. */
export { startTelemetry, type Telemetry } from './telemetry.ts';
