/** The Hypervisor port: what a host actor can ask of a machine that runs VMs. */
export * from './capabilities.ts';
export * from './checkpoint.ts';
export * from './domain.ts';
export * from './hypervisor.ts';
export * from './migration.ts';
export * from './sample.ts';
export * from './tuning.ts';
export * from './warmth.ts';
