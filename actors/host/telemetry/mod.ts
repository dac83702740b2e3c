/** What can be known of VMs while they run, on three clocks: fast (kernel counters), slow (the hypervisor's), state (inside). */
export { CRITICALITIES, sampleIntervalMs } from './criticality.ts';
export { FAST_COLUMNS, type FastColumn, type FastTelemetry, HOST_ROW, vcpuRow } from './fast.ts';
export type * from './slow.ts';
export { SlowClock } from './slow-clock.ts';
export type * from './state.ts';
export { openStateStream } from './state-stream.ts';
export type { HostTelemetry } from './telemetry.ts';
