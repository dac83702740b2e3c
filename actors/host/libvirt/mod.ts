/** The libvirt driver of the Hypervisor port. */
export { createLibvirtHypervisor } from './hypervisor.ts';
