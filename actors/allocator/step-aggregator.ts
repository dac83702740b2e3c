/** Turns 50 ms samples of one domain into the steps a forecaster takes: rates from counters, means of gauges. */
import type { Frame } from '../../runtime/mod.ts';

/** One domain over one step. NaN where nothing was sampled. */
export interface Step {
  /** Mean CPU use, cores. */
  readonly cores: number;
  /** Share of the step for which the quota held the domain back, 0 to 1. */
  readonly throttled: number;
  /** MemTotal - MemAvailable, the last sample's, MiB. */
  readonly memoryUsedMiB: number;
  /** MemTotal, the last sample's, MiB. */
  readonly memoryTotalMiB: number;
  readonly onlineVcpus: number;
}

const NOTHING: Step = {
  cores: Number.NaN,
  throttled: Number.NaN,
  memoryUsedMiB: Number.NaN,
  memoryTotalMiB: Number.NaN,
  onlineVcpus: Number.NaN,
};

/** Counters at the last step's end, so that nothing between two steps is lost. */
export class StepAggregator {
  #baseT = Number.NaN;
  #baseCpu = Number.NaN;
  #baseThrottled = Number.NaN;
  #t = Number.NaN;
  #cpu = Number.NaN;
  #throttled = Number.NaN;
  #memoryTotal = Number.NaN;
  #memoryAvailable = Number.NaN;
  #vcpus = Number.NaN;

  /** Takes row `index` of a telemetry frame (SAMPLE_COLUMNS). */
  add(frame: Frame, index: number): void {
    const at = index * frame.columns.length;
    const value = (name: string) => {
      const column = frame.columns.indexOf(name);
      return (column < 0 ? undefined : frame.values[at + column]) ?? Number.NaN;
    };
    const cpu = value('cpuSeconds');
    if (Number.isNaN(cpu)) return;
    this.#t = frame.t;
    this.#cpu = cpu;
    this.#throttled = value('throttledSeconds');
    this.#memoryTotal = value('memoryTotalMiB');
    this.#memoryAvailable = value('memoryAvailableMiB');
    this.#vcpus = value('onlineVcpus');
    if (Number.isNaN(this.#baseT)) this.#rebase();
  }

  /** What happened since the last call. */
  take(): Step {
    const seconds = (this.#t - this.#baseT) / 1000;
    if (!(seconds > 0)) return NOTHING;
    const cores = (this.#cpu - this.#baseCpu) / seconds;
    const throttled = (this.#throttled - this.#baseThrottled) / seconds;
    this.#rebase();
    // A counter that ran backwards belongs to a domain that was restarted.
    if (cores < 0 || throttled < 0) return NOTHING;
    return {
      cores,
      throttled: Math.min(1, throttled),
      memoryUsedMiB: this.#memoryTotal - this.#memoryAvailable,
      memoryTotalMiB: this.#memoryTotal,
      onlineVcpus: this.#vcpus,
    };
  }

  #rebase(): void {
    this.#baseT = this.#t;
    this.#baseCpu = this.#cpu;
    this.#baseThrottled = this.#throttled;
  }
}
