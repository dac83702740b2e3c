/** Numbers of one kernel file each, in seconds or MiB, for whichever cgroup version there is. */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fieldName, KernelFile } from './kernel-file.ts';
import type { DomainCgroups } from './process.ts';

const NS = 1e-9;
const US = 1e-6;
const BYTES_PER_MIB = 2 ** 20;
/** Of /proc/PID/stat on Linux. */
const CLOCK_TICKS_PER_SECOND = 100;

const USAGE_US = fieldName('usage_usec');
const THROTTLED_NS = fieldName('throttled_time');
const THROTTLED_US = fieldName('throttled_usec');
const PERIODS = fieldName('nr_periods');
const THROTTLED_PERIODS = fieldName('nr_throttled');
const SOME = fieldName('some');
const FULL = fieldName('full');

/** CPU time of a domain. Source: kernel documentation, cgroup-v2.rst, cgroup-v1/cpuacct.rst, proc(5). */
export class CpuTime implements Disposable {
  readonly #file: KernelFile | undefined;
  readonly #seconds: (file: KernelFile) => number;

  /** `processFolder` (/proc/PID) serves where no cgroup accounts for the domain alone. */
  constructor({ cpuacct, unified }: DomainCgroups, processFolder: string) {
    const acct = openIn(cpuacct, 'cpuacct.usage');
    const stat = acct === undefined ? openIn(unified, 'cpu.stat') : undefined;
    this.#file = acct ?? stat ?? KernelFile.open(join(processFolder, 'stat'));
    if (acct !== undefined) this.#seconds = (file) => file.word(0) * NS;
    else this.#seconds = stat === undefined ? processSeconds : (file) => file.field(USAGE_US) * US;
  }

  /** NaN once the domain is gone. */
  seconds(): number {
    return this.#file?.read() ? this.#seconds(this.#file) : Number.NaN;
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
  }
}

/** What a quota did to one group: `cpu.stat` of either version. Source: scheduler/sched-bwc.rst. */
export class Throttling implements Disposable {
  readonly #file: KernelFile;
  seconds = 0;
  periods = 0;
  throttledPeriods = 0;

  private constructor(file: KernelFile) {
    this.#file = file;
  }

  /** Undefined if the group does not exist or cannot have a quota. */
  static open(path: string): Throttling | undefined {
    const file = KernelFile.open(path);
    if (file === undefined) return undefined;
    const throttling = new Throttling(file).read(true);
    if (!Number.isNaN(throttling.seconds)) return throttling;
    file[Symbol.dispose]();
    return undefined;
  }

  /**
   * One that was never in force is read only if `quiet` ones are wanted: most groups have none. Leaves what it read
   * last if the group is gone.
   */
  read(quiet: boolean): this {
    if (!(quiet || this.seconds > 0 || this.periods > 0) || !this.#file.read()) return this;
    const ns = this.#file.field(THROTTLED_NS);
    this.seconds = Number.isNaN(ns) ? this.#file.field(THROTTLED_US) * US : ns * NS;
    this.periods = this.#file.field(PERIODS);
    this.throttledPeriods = this.#file.field(THROTTLED_PERIODS);
    return this;
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}

/** Where quotas of a domain may be: its group, in v2 also systemd's scope above it. */
export function quotaFolders({ cpu, unified }: DomainCgroups): string[] {
  if (cpu !== undefined) return [cpu];
  return unified === undefined ? [] : groupAndScope(unified);
}

/** Memory of the host charged to a domain; without a cgroup its resident memory. */
export class HostMemory implements Disposable {
  readonly #file: KernelFile | undefined;
  readonly #word: number;
  readonly #unit: number;

  constructor({ memory, unified }: DomainCgroups, processFolder: string, pageBytes: number) {
    const path =
      memory !== undefined
        ? join(memory, 'memory.usage_in_bytes')
        : groupAndScope(unified)
            .map((group) => join(group, 'memory.current'))
            .find((candidate) => existsSync(candidate));
    // statm: size, resident, ... in pages.
    this.#file = KernelFile.open(path ?? join(processFolder, 'statm'));
    this.#word = path === undefined ? 1 : 0;
    this.#unit = (path === undefined ? pageBytes : 1) / BYTES_PER_MIB;
  }

  mib(): number {
    return this.#file?.read() ? this.#file.word(this.#word) * this.#unit : Number.NaN;
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
  }
}

/** Pressure stall counters of one resource. Source: kernel documentation, accounting/psi.rst. */
export class Pressure implements Disposable {
  readonly #file: KernelFile | undefined;
  /** Seconds for which some, and for which all that could run, were stalled; NaN where the kernel does not tell. */
  some = Number.NaN;
  full = Number.NaN;

  constructor(path: string | undefined) {
    this.#file = path === undefined ? undefined : KernelFile.open(path);
  }

  read(): void {
    const there = this.#file?.read() ?? false;
    this.some = there ? this.#file!.lastOf(SOME) * US : Number.NaN;
    this.full = there ? this.#file!.lastOf(FULL) * US : Number.NaN;
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
  }
}

function openIn(folder: string | undefined, name: string): KernelFile | undefined {
  return folder === undefined ? undefined : KernelFile.open(join(folder, name));
}

/** The domain's v2 group, and the scope above it: libvirt's own group is only the threads' parent. */
function groupAndScope(unified: string | undefined): string[] {
  if (unified === undefined) return [];
  return basename(unified) === 'libvirt' ? [unified, dirname(unified)] : [unified];
}

/** utime + stime: fields 14 and 15, counted after the command name, which may hold anything. */
function processSeconds(file: KernelFile): number {
  const from = file.lastIndexOf(')') + 2;
  return (file.word(11, from) + file.word(12, from)) / CLOCK_TICKS_PER_SECOND;
}
