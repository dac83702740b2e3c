/** The host actor and the Hypervisor port: one machine that runs VMs. */
export { hostActor } from './actor.ts';
export { HostBehaviour, type HostNeighbours, type HostOptions } from './behaviour.ts';
export * from './errors.ts';
export type { Directive, Reservation, Residence, Settlement, Tenant } from './messages.ts';
export {
  type Operation,
  type OperationProgress,
  type OperationReport,
  type OperationUnderWay,
  operationJournal,
  operationSchema,
  type Task,
} from './operations/mod.ts';
export * from './port/mod.ts';
export { Sampler } from './sampler.ts';
export type { TenancyEvents } from './tenancy.ts';
export type { Amount, HostView } from './view.ts';
