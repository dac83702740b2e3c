/** Which queued job goes to which host now: priority first, then age; the host with most room left. Pure. */
import type { HostView } from '../host/mod.ts';
import type { JobQueue, QueuedJob } from './queue.ts';

export interface Placement {
  readonly job: QueuedJob;
  readonly host: string;
}

/** Places as many jobs as fit. One that does not blocks those after it in its pool: no starvation of large jobs. */
export function placeJobs(queue: JobQueue, hosts: readonly HostView[]): Placement[] {
  const accepting = hosts.filter((host) => host.accepting);
  const room = new Map(accepting.map((host) => [host.name, { ...host.free }]));
  const placements: Placement[] = [];
  for (const pool of new Set(accepting.map((host) => host.pool))) {
    for (const job of queue.of(pool)) {
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
