/** What a domain may take of its host: parameters of the scheduler, of block IO, of memory and NUMA; perf events. */
import { DomainAffect } from '../constants.ts';
import type { TypedParameter, TypedParameters } from '../typed-parameters.ts';
import { DomainCpu } from './cpu.ts';

/** What the remote protocol allows; this function does not say how many there are. */
const MAX_SCHEDULER_PARAMETERS = 16;

/** Reading functions take `flags`: DomainAffect. */
export class DomainLimits extends DomainCpu {
  /** Scheduler parameters by libvirt's names: `cpu_shares`, `global_quota` (microseconds), `vcpu_quota`. */
  async schedulerParameters(flags: number = DomainAffect.current): Promise<TypedParameters> {
    return this.readParameters(
      (memory, count) =>
        this.calls.status('virDomainGetSchedulerParametersFlags', this.live(), memory, count, flags),
      MAX_SCHEDULER_PARAMETERS,
    );
  }

  async setSchedulerParameters(
    parameters: readonly TypedParameter[],
    flags: number = DomainAffect.current,
  ): Promise<void> {
    await this.withParameters(parameters, (memory, count) =>
      this.calls.status('virDomainSetSchedulerParametersFlags', this.live(), memory, count, flags),
    );
  }

  /** VIR_DOMAIN_BLKIO_*: `weight`, `device_read_bytes_sec`. */
  async blkioParameters(flags: number = DomainAffect.current): Promise<TypedParameters> {
    return this.readParameters((memory, count) =>
      this.calls.status('virDomainGetBlkioParameters', this.live(), memory, count, flags),
    );
  }

  async setBlkioParameters(
    parameters: readonly TypedParameter[],
    flags: number = DomainAffect.live,
  ): Promise<void> {
    await this.withParameters(parameters, (memory, count) =>
      this.calls.status('virDomainSetBlkioParameters', this.live(), memory, count, flags),
    );
  }

  /** VIR_DOMAIN_MEMORY_* in KiB: `hard_limit`, `soft_limit`, `swap_hard_limit`. */
  async memoryParameters(flags: number = DomainAffect.current): Promise<TypedParameters> {
    return this.readParameters((memory, count) =>
      this.calls.status('virDomainGetMemoryParameters', this.live(), memory, count, flags),
    );
  }

  async setMemoryParameters(
    parameters: readonly TypedParameter[],
    flags: number = DomainAffect.live,
  ): Promise<void> {
    await this.withParameters(parameters, (memory, count) =>
      this.calls.status('virDomainSetMemoryParameters', this.live(), memory, count, flags),
    );
  }

  /** VIR_DOMAIN_NUMA_*: `numa_nodeset`, `numa_mode`. */
  async numaParameters(flags: number = DomainAffect.current): Promise<TypedParameters> {
    return this.readParameters((memory, count) =>
      this.calls.status('virDomainGetNumaParameters', this.live(), memory, count, flags),
    );
  }

  async setNumaParameters(
    parameters: readonly TypedParameter[],
    flags: number = DomainAffect.live,
  ): Promise<void> {
    await this.withParameters(parameters, (memory, count) =>
      this.calls.status('virDomainSetNumaParameters', this.live(), memory, count, flags),
    );
  }

  /** Which perf events are counted: VIR_PERF_PARAM_* and whether it is on. Their values are in the statistics. */
  async perfEvents(flags: number = DomainAffect.current): Promise<TypedParameters> {
    const list: [bigint | null] = [null];
    const count: [number] = [0];
    await this.calls.status('virDomainGetPerfEvents', this.live(), list, count, flags);
    return this.takeParameters(list[0], count[0]);
  }

  /** Switches perf events on and off: `{ cpu_clock: true }`. */
  async setPerfEvents(
    events: Readonly<Record<string, boolean>>,
    flags: number = DomainAffect.live,
  ): Promise<void> {
    const parameters = Object.entries(events).map(
      ([name, value]) => ({ name, type: 'boolean', value }) as const,
    );
    await this.withParameters(parameters, (memory, count) =>
      this.calls.status('virDomainSetPerfEvents', this.live(), memory, count, flags),
    );
  }
}
