/** The allocation decision: forecast, use and limits in, changes with their reasons out. Pure. */
import { forecastTarget } from './forecast-target.ts';
import { reactiveTarget } from './reactive-target.ts';
import type { Change, DomainView, Patience, Policy, Resource, Target } from './view.ts';

/** Changes smaller than this share of the allocation are not worth a call to the hypervisor. */
const DEADBAND = { cores: 0.04, vcpus: 0, memoryMiB: 0.04 } as const;
/** Memory is resized in blocks of this size, MiB. */
const MEMORY_BLOCK_MIB = 2;
/** A vCPU is plugged for every so many cores of quota: at less than a whole one its threads would queue for it. */
const CORES_PER_VCPU = 0.95;
/** Parking and waking a vCPU costs the guest more than a quota change: wait longer before it. */
const VCPU_PATIENCE_MS = 2_500;
/** What a guest uses to give memory or a vCPU back, cores for a fraction of a second. */
const SHRINKING_CORES = 0.4;

/**
 * Decides what to change for one domain at time `now` (ms).
 * Raises at once; lowers only after the target has been lower for its patience. Never leaves [floor, limit].
 */
export function decide(
  view: DomainView,
  policy: Policy,
  patience: Patience,
  now: number,
): { readonly changes: Change[]; readonly patience: Patience } {
  if (policy.kind === 'fixed') return { changes: [], patience: {} };
  const targetOf = policy.kind === 'forecast' ? forecastTarget : reactiveTarget;
  const cores = targetOf('cores', view, policy);
  const memory = targetOf('memoryMiB', view, policy);
  const changes: Change[] = [];
  const vcpus = weigh('vcpus', cores && vcpusFor(cores, view), view, patience.vcpus, now, changes);
  const memoryMiB = weigh('memoryMiB', memory, view, patience.memoryMiB, now, changes);
  const shrinking = view.shrinking || changes.some(({ from, to }) => to < from);
  // First of all changes, so that what the guest needs for the others is there when they come.
  const early: Change[] = [];
  const needed = policy.kind === 'forecast' && shrinking ? cores && forShrinking(cores, view) : cores;
  const next = { cores: weigh('cores', needed, view, patience.cores, now, early), vcpus, memoryMiB };
  return { changes: [...early, ...changes], patience: next };
}

/** Giving memory or a vCPU back is work for the guest, on top of its job: a burst that must not hold the job back. */
function forShrinking(cores: Target, view: DomainView): Target {
  return { ...cores, value: Math.max(cores.value, view.useCores + SHRINKING_CORES) };
}

function vcpusFor(cores: Target, view: DomainView): Target {
  // Parallelism is needed as soon as more than one vCPU's worth of quota is: use and quota then both pass 1.
  const value = Math.ceil(Math.min(cores.value, view.limit.cores) / CORES_PER_VCPU - 1e-9);
  return { value, patienceMs: VCPU_PATIENCE_MS, reason: cores.reason };
}

/** Adds a change if the target asks for one now; returns since when the resource could be lowered. */
function weigh(
  resource: Resource,
  target: Target | undefined,
  view: DomainView,
  lowerSince: number | undefined,
  now: number,
  changes: Change[],
): number | undefined {
  if (target === undefined) return lowerSince;
  const from = view.allocation[resource];
  const to = clamp(roundUp(resource, target.value), view.floor[resource], view.limit[resource]);
  const band = DEADBAND[resource] * from;
  if (to > from + band || (to > from && to === view.limit[resource])) {
    const rule = target.reason.rule === 'reactive-lower' ? 'reactive-raise' : target.reason.rule;
    changes.push({ resource, from, to, reason: { ...target.reason, rule } });
    return undefined;
  }
  if (to >= from - band) return undefined;
  const since = lowerSince ?? now;
  if (now - since < target.patienceMs) return since;
  const rule = target.reason.rule.startsWith('reactive') ? 'reactive-lower' : 'release';
  changes.push({ resource, from, to, reason: { ...target.reason, rule } });
  return undefined;
}

function roundUp(resource: Resource, value: number): number {
  if (resource === 'cores') return Math.ceil(value * 100 - 1e-6) / 100;
  if (resource === 'vcpus') return Math.max(1, Math.ceil(value));
  return Math.ceil(value / MEMORY_BLOCK_MIB - 1e-6) * MEMORY_BLOCK_MIB;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
