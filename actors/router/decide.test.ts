/** Placement: priority, age, room, and nobody waits for ever. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HostView } from '../host/mod.ts';
import { placeJobs } from './decide.ts';
import { JobQueue, type QueuedJob } from './queue.ts';

const job = (jobId: string, more: Partial<QueuedJob> = {}): QueuedJob => {
  const { cores = 1, memoryMiB = 100 } = more;
  const most = { maxCores: cores, maxMemoryMiB: memoryMiB };
  return { jobId, pool: 'p', priority: 50, submittedAt: 0, cores, memoryMiB, ...most, ...more };
};
const host = (name: string, cores: number, more: Partial<HostView> = {}): HostView => ({
  name,
  kind: 'simulated',
  version: 'simulated',
  pool: 'p',
  accepting: true,
  capacity: { cores: 8, memoryMiB: 1000 },
  free: { cores, memoryMiB: 1000 },
  domains: 0,
  ...more,
});
const queueOf = (...jobs: readonly QueuedJob[]) => JobQueue.empty.with(jobs);
const place = (queue: JobQueue, hosts: readonly HostView[]) =>
  placeJobs(queue, hosts).map((placement) => ({ jobId: placement.job.jobId, host: placement.host }));

describe('placement', () => {
  test('takes the host with most room, and counts what it gave away', () => {
    const placed = place(queueOf(job('a'), job('b', { submittedAt: 1 }), job('c', { submittedAt: 2 })), [
      host('h1', 1.5),
      host('h2', 2),
    ]);
    expect(placed).toEqual([
      { jobId: 'a', host: 'h2' },
      { jobId: 'b', host: 'h1' },
      { jobId: 'c', host: 'h2' },
    ]);
  });

  test('leaves out hosts that do not accept, of another pool, or too small for its peak', () => {
    const hosts = [
      host('draining', 8, { accepting: false }),
      host('other', 8, { pool: 'q' }),
      host('small', 4, { capacity: { cores: 4, memoryMiB: 1000 } }),
    ];
    expect(place(queueOf(job('a', { maxCores: 6 })), hosts)).toEqual([]);
    expect(place(queueOf(job('a', { maxCores: 4 })), hosts)).toEqual([{ jobId: 'a', host: 'small' }]);
  });

  test('a large job holds up those behind it in its pool, and only there', () => {
    const queue = queueOf(
      job('large', { cores: 4, priority: 90 }),
      job('small'),
      job('elsewhere', { pool: 'q' }),
    );
    expect(place(queue, [host('h1', 2), host('h2', 2, { pool: 'q' })])).toEqual([
      { jobId: 'elsewhere', host: 'h2' },
    ]);
  });

  test('a job that no host here could ever hold keeps nobody waiting', () => {
    const queue = queueOf(job('impossible', { cores: 64, priority: 90 }), job('small'));
    expect(place(queue, [host('h1', 2)])).toEqual([{ jobId: 'small', host: 'h1' }]);
  });

  test('never gives more than there is', () => {
    const jobs = fc.array(fc.record({ cores: fc.integer({ min: 1, max: 5 }), priority: fc.nat(100) }), {
      maxLength: 20,
    });
    const hosts = fc.array(fc.nat(8), { maxLength: 4 });
    fc.assert(
      fc.property(jobs, hosts, (wanted, rooms) => {
        const queue = queueOf(...wanted.map((each, i) => job(`j${i}`, each)));
        const left = new Map(rooms.map((cores, i) => [`h${i}`, cores]));
        const hosts = rooms.map((cores, i) => host(`h${i}`, cores));
        for (const placement of placeJobs(queue, hosts)) {
          left.set(placement.host, left.get(placement.host)! - placement.job.cores);
        }
        expect(Math.min(0, ...left.values())).toBe(0);
      }),
    );
  });
});
