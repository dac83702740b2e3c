/** The queue: ordered by urgency whatever the order of arrival, each job once. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JobQueue, type QueuedJob } from './queue.ts';

const job = (jobId: string, more: Partial<QueuedJob> = {}): QueuedJob => {
  const most = { maxCores: 1, maxMemoryMiB: 100 };
  return { jobId, pool: 'p', priority: 50, submittedAt: 0, cores: 1, memoryMiB: 100, ...most, ...more };
};
const queueOf = (...jobs: readonly QueuedJob[]) => JobQueue.empty.with(jobs);
const ids = (queue: JobQueue, pool = 'p') => [...queue.of(pool)].map((queued) => queued.jobId);

describe('the queue', () => {
  test('is ordered by priority, then age', () => {
    const queue = queueOf(
      job('late', { submittedAt: 2 }),
      job('early', { submittedAt: 1 }),
      job('urgent', { priority: 90, submittedAt: 9 }),
      job('last', { priority: 0 }),
    );
    expect(ids(queue)).toEqual(['urgent', 'early', 'late', 'last']);
  });

  test('holds a job once, and lets it go', () => {
    const queue = queueOf(job('a'), job('b', { submittedAt: 1 }), job('a'), job('b', { priority: 90 }));
    expect(ids(queue)).toEqual(['b', 'a']);
    expect(ids(queue.without(['a', 'unknown']))).toEqual(['b']);
    expect(ids(queue)).toEqual(['b', 'a']);
  });

  test('keeps the order of each pool through any arrivals and departures', () => {
    const jobs = fc.uniqueArray(
      fc.record({
        jobId: fc.string(),
        pool: fc.constantFrom('o', 'p', 'q'),
        priority: fc.nat(3),
        submittedAt: fc.nat(3),
      }),
      { selector: (each) => each.jobId, maxLength: 300, size: 'max' },
    );
    fc.assert(
      fc.property(
        jobs.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all))),
        ([all, leaving]) => {
          const gone = new Set(leaving.map(({ jobId }) => jobId));
          const queue = queueOf(...all.map((each) => job(each.jobId, each))).without(gone);
          const left = all.filter(({ jobId }) => !gone.has(jobId));
          expect(queue.size).toBe(left.length);
          for (const pool of ['o', 'p', 'q', 'none']) {
            const expected = left
              .filter((each) => each.pool === pool)
              .sort(
                (a, b) =>
                  b.priority - a.priority || a.submittedAt - b.submittedAt || (a.jobId < b.jobId ? -1 : 1),
              );
            expect(ids(queue, pool)).toEqual(expected.map(({ jobId }) => jobId));
          }
        },
      ),
    );
  });
});
