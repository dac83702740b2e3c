/** Jobs that wait for room, by pool and in order of urgency. */
import sortedBtree from 'sorted-btree';

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

type Place = Pick<QueuedJob, 'jobId' | 'pool' | 'priority' | 'submittedAt'>;

const Tree = sortedBtree.default;
type Tree<K, V> = InstanceType<typeof Tree<K, V>>;

/** Immutable: with a job more or less it is another queue, which shares all but the way to that job with this one. */
export class JobQueue {
  static readonly empty = new JobQueue(
    new Tree<Place, QueuedJob>([], byUrgency),
    new Tree<string, QueuedJob>(),
  );

  readonly #order: Tree<Place, QueuedJob>;
  readonly #byId: Tree<string, QueuedJob>;

  private constructor(order: Tree<Place, QueuedJob>, byId: Tree<string, QueuedJob>) {
    this.#order = order;
    this.#byId = byId;
  }

  get size(): number {
    return this.#order.size;
  }

  /** A job is in the queue once: as it was added last. */
  with(jobs: readonly QueuedJob[]): JobQueue {
    const [order, byId] = [this.#order.clone(), this.#byId.clone()];
    for (const job of jobs) {
      const before = byId.get(job.jobId);
      if (before !== undefined) order.delete(before);
      order.set(job, job);
      byId.set(job.jobId, job);
    }
    return new JobQueue(order, byId);
  }

  without(ids: Iterable<string>): JobQueue {
    const gone = [...ids].flatMap((id) => this.#byId.get(id) ?? []);
    if (gone.length === 0) return this;
    return new JobQueue(this.#order.withoutKeys(gone), this.#byId.withoutKeys(gone.map((job) => job.jobId)));
  }

  /** The jobs of a pool, the most urgent first: by priority, then by age. */
  *of(pool: string): IterableIterator<QueuedJob> {
    const first = {
      pool,
      priority: Number.POSITIVE_INFINITY,
      submittedAt: Number.NEGATIVE_INFINITY,
      jobId: '',
    };
    for (const job of this.#order.values(first)) {
      if (job.pool !== pool) return;
      yield job;
    }
  }
}

function byUrgency(a: Place, b: Place): number {
  return (
    compare(a.pool, b.pool) ||
    b.priority - a.priority ||
    a.submittedAt - b.submittedAt ||
    compare(a.jobId, b.jobId)
  );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
