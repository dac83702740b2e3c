/** The columns of fast telemetry. */

/** Columns of one row of {@link Hypervisor.sample}; counters grow monotonically while a domain lives. */
export const SAMPLE_COLUMNS = [
  /** Counter: CPU time used by the domain's vCPUs and emulator, seconds. */
  'cpuSeconds',
  /** Counter: time the domain was held back by its quota, seconds (summed over its throttled groups). */
  'throttledSeconds',
  /** Gauge: memory in the guest, MiB (MemTotal). NaN until the agent has answered. */
  'memoryTotalMiB',
  /** Gauge: memory still available in the guest, MiB (MemAvailable). NaN until the agent has answered. */
  'memoryAvailableMiB',
  /** Gauge: vCPUs online in the guest. NaN until the agent has answered. */
  'onlineVcpus',
] as const;
export type SampleColumn = (typeof SAMPLE_COLUMNS)[number];
