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
  readonly job: QueuedJob;
  readonly host: string;
}

/** Waiting jobs by pool, each in order of urgency. */
export type Queues = Readonly<Record<string, readonly QueuedJob[]>>;

/** Places as many jobs as fit. One that does not blocks those after it in its pool: no starvation of large jobs. */
export function placeJobs(queues: Queues, hosts: readonly HostView[]): Placement[] {
  const accepting = hosts.filter((host) => host.accepting);
  const room = new Map(accepting.map((host) => [host.name, { ...host.free }]));
  const placements: Placement[] = [];
  for (const pool of new Set(accepting.map((host) => host.pool))) {
    for (const job of queues[pool] ?? []) {
      const candidates = accepting.filter((host) => fits(job, host, room.get(host.name)));
      const best = candidates.reduce<HostView | undefined>((a, b) => {
        if (a === undefined) return b;
        return room.get(b.name)!.cores > room.get(a.name)!.cores ? b : a;
      }, undefined);
      if (best === undefined) {
        // It waits its turn; one that no host here could ever hold has none, and must not keep the others waiting.
        if (accepting.some((host) => couldHold(job, host))) break;
        continue;
      }
      const left = room.get(best.name)!;
      room.set(best.name, { cores: left.cores - job.cores, memoryMiB: left.memoryMiB - job.memoryMiB });
      placements.push({ job, host: best.name });
    }
  }
  return placements;
}

/** The queues with `job` at its place by urgency. A job asks with the same urgency every time, so twice is once. */
export function enqueue(queues: Queues, job: QueuedJob): Queues {
  const queue = queues[job.pool] ?? [];
  let low = 0;
  let high = queue.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (byUrgency(queue[middle]!, job) < 0) low = middle + 1;
    else high = middle;
  }
  const present = queue[low]?.jobId === job.jobId ? 1 : 0;
  return { ...queues, [job.pool]: queue.toSpliced(low, present, job) };
}

/** The queues without the jobs of `ids`. */
export function dequeue(queues: Queues, ids: ReadonlySet<string>): Queues {
  const left = Object.entries(queues).map(([pool, queue]) => {
    const kept = queue.some((job) => ids.has(job.jobId)) ? queue.filter((job) => !ids.has(job.jobId)) : queue;
    return [pool, kept];
  });
  return Object.fromEntries(left);
}

function fits(
  job: QueuedJob,
  host: HostView,
  room: { readonly cores: number; readonly memoryMiB: number } | undefined,
): boolean {
  return (
    room !== undefined && couldHold(job, host) && room.cores >= job.cores && room.memoryMiB >= job.memoryMiB
  );
}

function couldHold(job: QueuedJob, host: HostView): boolean {
  return (
    host.pool === job.pool &&
    host.capacity.cores >= job.maxCores &&
    host.capacity.memoryMiB >= job.maxMemoryMiB
  );
}

function byUrgency(a: QueuedJob, b: QueuedJob): number {
  return b.priority - a.priority || a.submittedAt - b.submittedAt || compare(a.jobId, b.jobId);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
