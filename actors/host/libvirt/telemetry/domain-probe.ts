/** The fast counters of one domain and its vCPUs, from kernel files that stay open. */
import { join } from 'node:path';
import { FAST_COLUMNS } from '../../telemetry/mod.ts';
import { CpuTime, HostMemory, Pressure, quotaFolders, Throttling } from './counters.ts';
import { type DomainCgroups, findCgroups, findVcpuThreads, PROC } from './process.ts';
import { ThreadTimes, VcpuProbe } from './vcpu-probe.ts';

/** Of x86-64; read nowhere from Node. Used only where memory has no cgroup. */
const PAGE_BYTES = 4096;
/** Reads between looks at quotas that were never in force: most groups never have one. */
const QUIET_READS = 32;

export class DomainProbe implements Disposable {
  readonly pid: number;
  readonly #proc: string;
  readonly #quotaGroup: string | undefined;
  readonly #cpu: CpuTime;
  readonly #main: ThreadTimes;
  readonly #memory: HostMemory;
  /** Of the domain's own groups, without those of vCPUs. */
  readonly #quotas: readonly Throttling[];
  readonly #pressures: { readonly cpu: Pressure; readonly memory: Pressure; readonly io: Pressure };
  readonly #vcpus = new Map<number, VcpuProbe>();
  #reads = 0;
  #gone = false;

  private constructor(pid: number, cgroups: DomainCgroups, proc: string) {
    this.pid = pid;
    this.#proc = proc;
    const folder = join(proc, String(pid));
    const groups = quotaFolders(cgroups);
    this.#quotaGroup = groups[0];
    this.#cpu = new CpuTime(cgroups, folder);
    this.#main = new ThreadTimes(join(folder, 'task', String(pid)));
    this.#memory = new HostMemory(cgroups, folder, PAGE_BYTES);
    const quotas = groups[0] === undefined ? [] : [...groups, join(groups[0], 'emulator')];
    this.#quotas = quotas
      .map((group) => Throttling.open(join(group, 'cpu.stat')))
      .filter((quota) => quota !== undefined);
    this.#pressures = openPressures(cgroups.unified, '.pressure');
  }

  /** Rejects if the process is gone. `proc`: another /proc, for tests. */
  static async open(pid: number, proc: string = PROC): Promise<DomainProbe> {
    const probe = new DomainProbe(pid, await findCgroups(pid, proc), proc);
    await probe.refresh();
    return probe;
  }

  /** Numbers of the vCPUs there are, ascending. */
  get vcpus(): number[] {
    return [...this.#vcpus.keys()].sort((a, b) => a - b);
  }

  /** Finds vCPUs that were plugged or unplugged since. Leaves all as it is if the process is gone. */
  async refresh(): Promise<void> {
    const threads = await findVcpuThreads(this.pid, this.#proc).catch(() => undefined);
    if (threads === undefined || this.#gone) return;
    for (const [vcpu, probe] of this.#vcpus) {
      if (threads.get(vcpu) === probe.thread) continue;
      probe[Symbol.dispose]();
      this.#vcpus.delete(vcpu);
    }
    for (const [vcpu, thread] of threads) {
      if (this.#vcpus.has(vcpu)) continue;
      const task = join(this.#proc, String(this.pid), 'task', String(thread));
      this.#vcpus.set(vcpu, new VcpuProbe(vcpu, thread, task, this.#quotaGroup));
    }
  }

  /** CPU seconds used since the domain began; NaN when it is gone. One file. */
  cpuSeconds(): number {
    const seconds = this.#gone ? Number.NaN : this.#cpu.seconds();
    if (Number.isNaN(seconds)) this[Symbol.dispose]();
    return seconds;
  }

  /** Seconds that quotas held the domain back, over all its groups; 0 where there is none, NaN when it is gone. */
  throttledSeconds(): number {
    if (this.#gone) return Number.NaN;
    const quiet = this.#countRead();
    let sum = 0;
    for (const quota of this.#quotas) sum += quota.read(quiet).seconds;
    for (const { quota } of this.#vcpus.values()) sum += quota?.read(quiet).seconds ?? 0;
    return sum;
  }

  /** Reads everything and writes the domain's row of FAST_COLUMNS at `offset`. */
  read(out: Float64Array, offset: number): void {
    const cpuSeconds = this.cpuSeconds();
    out.fill(Number.NaN, offset, offset + FAST_COLUMNS.length);
    if (this.#gone) return;
    const quiet = this.#countRead();
    this.#main.read();
    let delay = this.#main.delaySeconds;
    let throttled = 0;
    let periods = 0;
    let throttledPeriods = 0;
    for (const quota of this.#quotas) {
      quota.read(quiet);
      throttled += quota.seconds;
      periods += quota.periods;
      throttledPeriods += quota.throttledPeriods;
    }
    for (const vcpu of this.#vcpus.values()) {
      vcpu.read(quiet);
      // One that was unplugged and not yet missed: the domain's delay stays without it.
      delay += vcpu.times.delaySeconds || 0;
      if (vcpu.quota === undefined) continue;
      throttled += vcpu.quota.seconds;
      periods += vcpu.quota.periods;
      throttledPeriods += vcpu.quota.throttledPeriods;
    }
    out[offset] = cpuSeconds;
    out[offset + 1] = delay;
    out[offset + 2] = throttled;
    out[offset + 3] = periods;
    out[offset + 4] = throttledPeriods;
    out[offset + 5] = this.#memory.mib();
    writePressures(this.#pressures, out, offset);
  }

  /** Writes a vCPU's row as of the last {@link read}; NaN if there is no such vCPU. */
  readVcpu(vcpu: number, out: Float64Array, offset: number): void {
    out.fill(Number.NaN, offset, offset + FAST_COLUMNS.length);
    const probe = this.#gone ? undefined : this.#vcpus.get(vcpu);
    if (probe === undefined) return;
    out[offset] = probe.times.runSeconds;
    out[offset + 1] = probe.times.delaySeconds;
    out[offset + 2] = probe.throttledSeconds;
    out[offset + 3] = probe.quota?.periods ?? Number.NaN;
    out[offset + 4] = probe.quota?.throttledPeriods ?? Number.NaN;
  }

  /** Whether it is time to look at quiet quotas. Domains take turns, so that no tick has to do it for all. */
  #countRead(): boolean {
    return (this.#reads++ + this.pid) % QUIET_READS === 0;
  }

  [Symbol.dispose](): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#cpu[Symbol.dispose]();
    this.#main[Symbol.dispose]();
    this.#memory[Symbol.dispose]();
    for (const quota of this.#quotas) quota[Symbol.dispose]();
    for (const pressure of Object.values(this.#pressures)) pressure[Symbol.dispose]();
    for (const vcpu of this.#vcpus.values()) vcpu[Symbol.dispose]();
  }
}

interface Pressures {
  readonly cpu: Pressure;
  readonly memory: Pressure;
  readonly io: Pressure;
}

/** `cpu.pressure` of a group, or `cpu` of /proc/pressure. */
export function openPressures(folder: string | undefined, suffix: '' | '.pressure'): Pressures {
  const open = (resource: string) =>
    new Pressure(folder === undefined ? undefined : join(folder, `${resource}${suffix}`));
  return { cpu: open('cpu'), memory: open('memory'), io: open('io') };
}

/** Reads them into the last five columns of the row at `offset`. */
export function writePressures({ cpu, memory, io }: Pressures, out: Float64Array, offset: number): void {
  cpu.read();
  memory.read();
  io.read();
  out[offset + 6] = cpu.some;
  out[offset + 7] = memory.some;
  out[offset + 8] = memory.full;
  out[offset + 9] = io.some;
  out[offset + 10] = io.full;
}
