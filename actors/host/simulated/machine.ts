/** The simulated guest's hardware: what a demand gets of CPU and memory under the allocation, integrated over time. */
import type { Clock } from '../../../runtime/mod.ts';
import type { Allocation } from '../port/mod.ts';

/** What programs in the guest want now. */
export interface Demand {
  readonly threads: number;
  /** Share of one core that each thread wants, 0..1. */
  readonly duty: number;
  readonly memoryMiB: number;
}

export const NO_DEMAND: Demand = { threads: 0, duty: 0, memoryMiB: 0 };

/** What the guest's kernel uses of a core, and of memory: like the real guest. */
const IDLE_CORES = 0.01;
const KERNEL_RESERVED_MIB = 36;
const SYSTEM_USED_MIB = 20;
/** Memory that a guest changes: one at rest, and one whose program works on what it holds, like the real workload. */
const IDLE_DIRTY_MIBPS = 1;
const BUSY_DIRTY_MIBPS = 50;

/** Piecewise constant: every change first settles the time since the last one. Counters in seconds. */
export class SimulatedMachine {
  readonly #clock: Clock;
  #at: number;
  #cores: number;
  #vcpus: number;
  #memoryMiB: number;
  #demand: Demand = NO_DEMAND;
  #cpuSeconds = 0;
  #throttledSeconds = 0;
  #wantedSeconds = 0;
  #doneSeconds = 0;
  #refusedSeconds = 0;

  constructor(clock: Clock, allocation: Allocation) {
    this.#clock = clock;
    this.#at = clock.now();
    this.#cores = allocation.cores;
    this.#vcpus = allocation.vcpus;
    this.#memoryMiB = allocation.memoryMiB;
  }

  get cpuSeconds(): number {
    return this.#settled().#cpuSeconds;
  }

  get throttledSeconds(): number {
    return this.#settled().#throttledSeconds;
  }

  /** CPU that programs wanted, and what they got. */
  get work(): {
    readonly wantedSeconds: number;
    readonly doneSeconds: number;
    readonly refusedSeconds: number;
  } {
    this.#settle();
    return {
      wantedSeconds: this.#wantedSeconds,
      doneSeconds: this.#doneSeconds,
      refusedSeconds: this.#refusedSeconds,
    };
  }

  get cores(): number {
    return this.#cores;
  }

  set cores(cores: number) {
    this.#settle();
    this.#cores = cores;
  }

  get vcpus(): number {
    return this.#vcpus;
  }

  set vcpus(vcpus: number) {
    this.#settle();
    this.#vcpus = vcpus;
  }

  get memoryMiB(): number {
    return this.#memoryMiB;
  }

  set memoryMiB(memoryMiB: number) {
    this.#settle();
    this.#memoryMiB = memoryMiB;
  }

  set demand(demand: Demand) {
    this.#settle();
    this.#demand = demand;
  }

  get dirtyMiBps(): number {
    return this.#demand.memoryMiB > 0 ? BUSY_DIRTY_MIBPS : IDLE_DIRTY_MIBPS;
  }

  get memoryTotalMiB(): number {
    return this.#memoryMiB - KERNEL_RESERVED_MIB;
  }

  get memoryAvailableMiB(): number {
    const used = SYSTEM_USED_MIB + this.#demand.memoryMiB;
    return Math.max(1, this.memoryTotalMiB - used);
  }

  #settled(): this {
    this.#settle();
    return this;
  }

  #settle(): void {
    const now = this.#clock.now();
    const elapsed = Math.max(0, now - this.#at) / 1000;
    this.#at = now;
    const wanted = this.#demand.threads * this.#demand.duty;
    // A vCPU runs one thread at a time; the quota holds back what all of them together want beyond it.
    const runnable = Math.min(wanted, this.#vcpus) + IDLE_CORES;
    const used = Math.min(runnable, this.#cores);
    this.#cpuSeconds += used * elapsed;
    this.#throttledSeconds += (runnable - used) * elapsed;
    this.#wantedSeconds += wanted * elapsed;
    this.#doneSeconds += Math.max(0, Math.min(wanted, used - IDLE_CORES)) * elapsed;
    if (SYSTEM_USED_MIB + this.#demand.memoryMiB > this.memoryTotalMiB) this.#refusedSeconds += elapsed;
  }
}
