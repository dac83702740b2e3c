/** The host actor and the Hypervisor port: one machine that runs VMs. */
export { HostBehaviour, type HostNeighbours, type HostOptions, hostActor } from './actor.ts';
export * from './errors.ts';
export type { Directive, Residence, Settlement, Tenant } from './messages.ts';
export * from './port.ts';
export type { TenancyEvents } from './tenancy.ts';
export type { Amount, HostView } from './view.ts';
