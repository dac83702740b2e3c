/** The fast clock's port: rows of kernel counters of domains, of their vCPUs and of the host, every 10-50 ms. */

/** Columns of one row. Counters grow while the row's subject lives; NaN where this host does not tell. */
export const FAST_COLUMNS = [
  /** Counter: CPU time used, seconds. Domain: vCPUs and emulator. vCPU: its thread. */
  'cpuSeconds',
  /**
   * Counter: time that threads were runnable and waited for a CPU, seconds. Domain: vCPUs and QEMU's main thread.
   * Some kernels count waiting for quota here too.
   */
  'runDelaySeconds',
  /** Counter: time held back by quota, seconds. Domain: over all its groups. vCPU: by its own quota or one above it. */
  'throttledSeconds',
  /** Counter: quota periods in which there was something to run. */
  'periods',
  /** Counter: quota periods that ran out. */
  'throttledPeriods',
  /** Gauge: memory of the host that is charged to the domain, MiB. */
  'hostMemoryMiB',
  /** Counter: some of its threads waited for CPU, seconds (PSI). */
  'cpuPressureSeconds',
  /** Counter: some of its threads waited for memory, seconds (PSI). */
  'memoryPressureSeconds',
  /** Counter: all of its threads that had something to do waited for memory, seconds (PSI). */
  'memoryStallSeconds',
  /** Counter: some of its threads waited for block I/O, seconds (PSI). */
  'ioPressureSeconds',
  /** Counter: all of its threads that had something to do waited for block I/O, seconds (PSI). */
  'ioStallSeconds',
] as const;
export type FastColumn = (typeof FAST_COLUMNS)[number];

/** Row of the host itself: it has the pressures only. No domain's name contains a slash. */
export const HOST_ROW = '/host';

/** Id of a vCPU's row. */
export function vcpuRow(domain: string, vcpu: number): string {
  return `${domain}/vcpu${vcpu}`;
}

/** What a driver reads on the fast clock. */
export interface FastTelemetry {
  readonly columns: readonly FastColumn[];
  /** Ids of a domain's rows as they are now: its own, then one for each vCPU. Empty for a domain that is not known. */
  rows(domain: string): readonly string[];
  /**
   * Writes one row of `columns` per id into `out` (row-major); a row whose subject is gone or unknown is NaN.
   * Synchronous, allocates nothing: microseconds for each file it reads.
   */
  sample(ids: readonly string[], out: Float64Array): void;
}
