/** The allocator: forecasts demand and decides what each domain may use. */
export { ALLOCATOR_KEY, AllocatorBehaviour, type AllocatorNeighbours, allocatorActor } from './actor.ts';
export { FORECAST_COLUMNS, forecastSubject, telemetrySubject } from './contract.ts';
export type { Change, DomainView, Patience, Policy, PolicyKind, QuantileForecast, Resource } from './view.ts';
export type { WardSpec } from './ward.ts';
