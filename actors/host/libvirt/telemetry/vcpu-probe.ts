/** The fast counters of one vCPU: its thread's schedstat, and the quota of its group. */
import { join } from 'node:path';
import { Throttling } from './counters.ts';
import { KernelFile } from './kernel-file.ts';

const NS = 1e-9;

/** Run time, run delay and timeslices of a thread. Source: kernel documentation, scheduler/sched-stats.rst. */
export class ThreadTimes implements Disposable {
  readonly #file: KernelFile | undefined;
  runSeconds = Number.NaN;
  delaySeconds = Number.NaN;

  constructor(taskFolder: string) {
    this.#file = KernelFile.open(join(taskFolder, 'schedstat'));
  }

  /** False once the thread is gone (then both are NaN). */
  read(): boolean {
    const there = this.#file?.read() ?? false;
    this.runSeconds = there ? this.#file!.word(0) * NS : Number.NaN;
    this.delaySeconds = there ? this.#file!.word(1) * NS : Number.NaN;
    return there;
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
  }
}

export class VcpuProbe implements Disposable {
  readonly thread: number;
  readonly times: ThreadTimes;
  /** The group's own quota; undefined where vCPUs have no groups. */
  readonly quota: Throttling | undefined;
  /** Also what quotas above it did to the group (Linux 6.6 and later). */
  readonly #local: Throttling | undefined;

  /** `group`: the domain's cgroup that quotas are in. */
  constructor(vcpu: number, thread: number, taskFolder: string, group: string | undefined) {
    this.thread = thread;
    this.times = new ThreadTimes(taskFolder);
    if (group === undefined) return;
    this.quota = Throttling.open(join(group, `vcpu${vcpu}`, 'cpu.stat'));
    this.#local = Throttling.open(join(group, `vcpu${vcpu}`, 'cpu.stat.local'));
  }

  /** `quiet`: also quotas that were never in force. */
  read(quiet: boolean): void {
    this.times.read();
    this.quota?.read(quiet);
    this.#local?.read(quiet);
  }

  /** Seconds for which the vCPU was held back, as far as this kernel tells it apart. */
  get throttledSeconds(): number {
    return this.#local?.seconds ?? this.quota?.seconds ?? Number.NaN;
  }

  [Symbol.dispose](): void {
    this.times[Symbol.dispose]();
    this.quota?.[Symbol.dispose]();
    this.#local?.[Symbol.dispose]();
  }
}
