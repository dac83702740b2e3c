/** Which queued job goes to which host now: priority first, then age; the host with most room left. Pure. */
import type { HostView } from '../host/mod.ts';

export interface QueuedJob {
  readonly jobId: string;
  readonly pool: string;
  readonly priority: number;
  readonly submittedAt: number;
  /** What it starts with. */
  readonly cores: number;
  readonly memoryMiB: number;
  /** What it may be given at most: a host below that can never serve its peak. */
  readonly maxCores: number;
  readonly maxMemoryMiB: number;
}

export interface Placement {
  readonly jobId: string;
  readonly host: string;
}

/**
 * Places as many jobs as fit; `queue` is in order of urgency (see {@link enqueue}).
 * A job that does not fit blocks those after it in its pool: no starvation of large jobs.
 */
export function placeJobs(queue: readonly QueuedJob[], hosts: readonly HostView[]): Placement[] {
  const accepting = hosts.filter((host) => host.accepting);
  const room = new Map(accepting.map((host) => [host.name, { ...host.free }]));
  const open = new Set(accepting.map((host) => host.pool));
  const placements: Placement[] = [];
  for (const job of queue) {
    if (open.size === 0) break;
    if (!open.has(job.pool)) continue;
    const candidates = accepting.filter((host) => fits(job, host, room.get(host.name)));
    const best = candidates.reduce<HostView | undefined>((a, b) => {
      if (a === undefined) return b;
      return room.get(b.name)!.cores > room.get(a.name)!.cores ? b : a;
    }, undefined);
    if (best === undefined) {
      open.delete(job.pool);
      continue;
    }
    const left = room.get(best.name)!;
    room.set(best.name, { cores: left.cores - job.cores, memoryMiB: left.memoryMiB - job.memoryMiB });
    placements.push({ jobId: job.jobId, host: best.name });
  }
  return placements;
}

/** The queue with `job` at its place by urgency; a job that is in already is replaced. */
export function enqueue(queue: readonly QueuedJob[], job: QueuedJob): QueuedJob[] {
  const rest = queue.filter((other) => other.jobId !== job.jobId);
  let low = 0;
  let high = rest.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (byUrgency(rest[middle]!, job) < 0) low = middle + 1;
    else high = middle;
  }
  rest.splice(low, 0, job);
  return rest;
}

function fits(
  job: QueuedJob,
  host: HostView,
  room: { readonly cores: number; readonly memoryMiB: number } | undefined,
): boolean {
  return (
    room !== undefined &&
    host.pool === job.pool &&
    host.capacity.cores >= job.maxCores &&
    host.capacity.memoryMiB >= job.maxMemoryMiB &&
    room.cores >= job.cores &&
    room.memoryMiB >= job.memoryMiB
  );
}

function byUrgency(a: QueuedJob, b: QueuedJob): number {
  return b.priority - a.priority || a.submittedAt - b.submittedAt || (a.jobId < b.jobId ? -1 : 1);
}
