/** The simulated driver of the Hypervisor port: hosts without VMs, for machines without libvirt and for tests. */
export { createSimulatedHypervisor } from './hypervisor.ts';
