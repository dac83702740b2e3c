/** The allocator: forecasts demand and decides what each domain may use. */
export { ALLOCATOR_KEY, AllocatorBehaviour, type AllocatorNeighbours, allocatorActor } from './actor.ts';
export {
  type AllocatorWorkerContract,
  FORECAST_COLUMNS,
  forecastSubject,
  telemetrySubject,
  type WorkerNats,
} from './contract.ts';
export { sandboxOf } from './sandbox.ts';
export type { Change, DomainView, Patience, Policy, PolicyKind, QuantileForecast, Resource } from './view.ts';
export type { WardSpec } from './ward.ts';
