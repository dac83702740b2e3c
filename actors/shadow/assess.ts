/** Judges a run after the fact: was capacity there before each rise of demand, what did the guest lose, what lay idle. Pure. */
import type { Allocation } from '../host/mod.ts';

/** What the job says it wants from `t` on: the ground truth, which the shadow never sees. */
export interface DemandPhase {
  /** ms since the epoch. */
  readonly t: number;
  /** Counted from 0. */
  readonly cycle: number;
  readonly name: string;
  readonly cores: number;
  readonly threads: number;
  readonly memoryMiB: number;
}

/** What the domain was allowed from `t` on. */
export interface TimedAllocation extends Allocation {
  readonly t: number;
}

/** Counters of the domain at `t`, as sampled. */
export interface TimedUse {
  readonly t: number;
  readonly cpuSeconds: number;
  readonly throttledSeconds: number;
  /** Memory in use, MiB of the domain (kernel included); NaN if unknown. */
  readonly memoryMiB: number;
}

export interface Run {
  readonly phases: readonly DemandPhase[];
  /** In order of time; the first is what the domain started with. */
  readonly allocations: readonly TimedAllocation[];
  readonly uses: readonly TimedUse[];
  /** When the guest was refused memory that it asked for. */
  readonly refusals: readonly number[];
  /** Memory the domain needs beside what a phase asks for, MiB. */
  readonly memoryOverheadMiB: number;
  /** Judge from this cycle on: 2 = once the pattern has been seen twice. */
  readonly fromCycle: number;
}

/** One rise of demand. */
export interface Rise {
  readonly phase: DemandPhase;
  /** Demand of the phase before, cores. */
  readonly fromCores: number;
  readonly covered: boolean;
  /** How long before the rise capacity was there, ms; negative: how long after. NaN: never during the phase. */
  readonly leadMs: number;
}

export interface Assessment {
  readonly rises: readonly Rise[];
  readonly risesCovered: number;
  /** Median over all rises; NaN without one. */
  readonly leadP50Ms: number;
  /** Time held back by the CPU quota, seconds. */
  readonly throttledSeconds: number;
  /** How often the guest was refused memory. */
  readonly refusals: number;
  /** Allocated but not used, as a share of what was allocated. */
  readonly slackCores: number;
  readonly slackMemory: number;
  /** Length of what was judged, seconds. */
  readonly seconds: number;
}

/** A rise smaller than this share of the demand before is noise. */
const RISE_SHARE = 0.15;
/** Capacity of this share of demand counts as there. */
const ENOUGH = 0.97;

export function assess(run: Run): Assessment {
  const from = run.phases.find((phase) => phase.cycle >= run.fromCycle)?.t ?? Number.POSITIVE_INFINITY;
  const rises = run.phases.flatMap((phase, index) => {
    const before = run.phases[index - 1];
    if (before === undefined || phase.t < from || phase.cores <= before.cores * (1 + RISE_SHARE)) return [];
    const until = run.phases[index + 1]?.t ?? Number.POSITIVE_INFINITY;
    return [riseOf(run, before, phase, until)];
  });
  const leads = rises.map((rise) => rise.leadMs).filter((lead) => !Number.isNaN(lead));
  return {
    rises,
    risesCovered: rises.filter((rise) => rise.covered).length / Math.max(1, rises.length),
    leadP50Ms: median(leads),
    refusals: run.refusals.filter((t) => t >= from).length,
    ...integrate(run, from),
  };
}

/** The phase that a line of the guest's workload program announces; undefined for other lines. */
export function parsePhaseNote(text: string, t: number): DemandPhase | undefined {
  const match = /^phase (\d+) (\S+) threads=(\d+) duty=([\d.]+) memory=(\d+)/.exec(text);
  if (match === null) return undefined;
  const [, cycle, name = '', threads, duty, memory] = match;
  return {
    t,
    cycle: Number(cycle),
    name,
    threads: Number(threads),
    cores: (Number(threads) * Number(duty)) / 100,
    memoryMiB: Number(memory),
  };
}

function riseOf(run: Run, before: DemandPhase, phase: DemandPhase, until: number): Rise {
  const enough = (allocation: Allocation) =>
    allocation.cores >= phase.cores * ENOUGH &&
    allocation.vcpus >= Math.min(phase.threads, Math.ceil(phase.cores - 0.05)) &&
    allocation.memoryMiB >= phase.memoryMiB + run.memoryOverheadMiB;
  const at = run.allocations.findLastIndex((allocation) => allocation.t <= phase.t);
  const rise = { phase, fromCores: before.cores };
  if (at >= 0 && enough(run.allocations[at]!)) {
    let since = at;
    while (since > 0 && enough(run.allocations[since - 1]!)) since--;
    return { ...rise, covered: true, leadMs: phase.t - run.allocations[since]!.t };
  }
  const late = run.allocations.slice(at + 1).find((allocation) => allocation.t < until && enough(allocation));
  return { ...rise, covered: false, leadMs: late === undefined ? Number.NaN : phase.t - late.t };
}

/** Integrals over time between samples, from `from` on. */
function integrate(run: Run, from: number) {
  let [throttledSeconds, seconds, idleCores, givenCores, idleMemory, givenMemory] = [0, 0, 0, 0, 0, 0];
  let index = 0;
  for (let i = 1; i < run.uses.length; i++) {
    const previous = run.uses[i - 1]!;
    const use = run.uses[i]!;
    const dt = (use.t - previous.t) / 1000;
    if (previous.t < from || dt <= 0) continue;
    while (index + 1 < run.allocations.length && run.allocations[index + 1]!.t <= use.t) index++;
    const allocation = run.allocations[index]!;
    const cores = (use.cpuSeconds - previous.cpuSeconds) / dt;
    if (Number.isNaN(cores)) continue;
    seconds += dt;
    throttledSeconds += use.throttledSeconds - previous.throttledSeconds;
    givenCores += allocation.cores * dt;
    idleCores += Math.max(0, allocation.cores - cores) * dt;
    if (Number.isNaN(use.memoryMiB)) continue;
    givenMemory += allocation.memoryMiB * dt;
    idleMemory += Math.max(0, allocation.memoryMiB - use.memoryMiB) * dt;
  }
  return {
    throttledSeconds,
    seconds,
    slackCores: givenCores > 0 ? idleCores / givenCores : Number.NaN,
    slackMemory: givenMemory > 0 ? idleMemory / givenMemory : Number.NaN,
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
