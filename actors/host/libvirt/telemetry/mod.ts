/** What libvirt's host knows of its VMs while they run: kernel counters, bulk statistics, inner state. */
export { DomainProbe } from './domain-probe.ts';
export { KernelTelemetry } from './kernel-telemetry.ts';
export { LibvirtTelemetry } from './libvirt-telemetry.ts';
export { findQemu } from './process.ts';
export { readSlow } from './slow-source.ts';
