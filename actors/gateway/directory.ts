/** All jobs of the grid at hand in memory: for lists, for dependency checks and for those who watch. */
import { EventEmitter } from 'node:events';
import type { ActorSystem } from '../../runtime/mod.ts';
import { type JobContext, type JobState, type JobView, jobActor, viewOf } from '../job/mod.ts';

export interface JobFilter {
  readonly user?: string | undefined;
  readonly state?: JobState | undefined;
  readonly application?: string | undefined;
}

/** Told of every change by the job actors themselves; `open` it before jobs are resumed. */
export class JobDirectory {
  readonly #jobs = new Map<string, JobView>();
  readonly #changes = new EventEmitter().setMaxListeners(0);

  /** Takes in the jobs that are stored. */
  async open(system: ActorSystem): Promise<void> {
    for (const { snapshot } of await system.stored(jobActor)) {
      this.note(viewOf(snapshot.value as JobState, snapshot.context as JobContext));
    }
  }

  /** Takes in a job as it is now. */
  note(job: JobView): void {
    this.#jobs.set(job.id, job);
    this.#changes.emit(job.id, job);
  }

  get(id: string): JobView | undefined {
    return this.#jobs.get(id);
  }

  /** Newest first; `after` is the id of the last job of the page before. */
  list(filter: JobFilter, limit: number, after?: string): JobView[] {
    const matching = [...this.#jobs.values()]
      .filter(
        (job) =>
          (filter.user === undefined || job.request.user === filter.user) &&
          (filter.state === undefined || job.state === filter.state) &&
          (filter.application === undefined || job.request.application === filter.application),
      )
      .sort(newestFirst);
    // By its place in time: the last job of a page may have left the filter's state since.
    const last = after === undefined ? undefined : this.#jobs.get(after);
    const rest = last === undefined ? matching : matching.filter((job) => newestFirst(last, job) < 0);
    return rest.slice(0, limit);
  }

  /** How many jobs are in each state. */
  counts(): Map<JobState, number> {
    const counts = new Map<JobState, number>();
    for (const { state } of this.#jobs.values()) counts.set(state, (counts.get(state) ?? 0) + 1);
    return counts;
  }

  /** Calls back on every change of one job; returns the function that ends it. */
  onChange(id: string, listener: (job: JobView) => void): () => void {
    this.#changes.on(id, listener);
    return () => this.#changes.off(id, listener);
  }
}

function newestFirst(a: JobView, b: JobView): number {
  return b.submittedAt - a.submittedAt || (a.id === b.id ? 0 : a.id < b.id ? 1 : -1);
}
