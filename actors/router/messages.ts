/** Messages of the router: who waits, who has room. */
import { z } from 'zod';
import type { HostView } from '../host/mod.ts';
import type { JobQueue } from './queue.ts';

const amount = z.object({ cores: z.number(), memoryMiB: z.number() });

const queuedJob = z.object({
  jobId: z.string(),
  pool: z.string(),
  priority: z.number(),
  submittedAt: z.number(),
  cores: z.number(),
  memoryMiB: z.number(),
  maxCores: z.number(),
  maxMemoryMiB: z.number(),
});

export const routerMessage = z.discriminatedUnion('type', [
  /** These jobs wait for room. Jobs that come at the same time come together. */
  z.object({ type: z.literal('enqueue'), jobs: z.array(queuedJob) }),
  /** The job waits until all of these have completed. */
  z.object({ type: z.literal('await'), jobId: z.string(), dependencies: z.array(z.string()) }),
  /** A job reached its end: whoever waits for it moves on, and its place in the queue is free. */
  z.object({ type: z.literal('finished'), jobId: z.string(), completed: z.boolean() }),
  /** A host tells its room, whenever that changes. */
  z.object({
    type: z.literal('host'),
    host: z.object({
      name: z.string(),
      kind: z.enum(['libvirt', 'simulated']),
      version: z.string(),
      pool: z.string(),
      accepting: z.boolean(),
      capacity: amount,
      free: amount,
      domains: z.number().int(),
    }),
  }),
  /** A host has gone away: nothing is placed on it until it tells its room again. */
  z.object({ type: z.literal('host-left'), name: z.string() }),
  z.object({ type: z.literal('hosts') }),
]);
export type RouterMessage = z.infer<typeof routerMessage>;

/** Room of a job that was sent to a host which has not told its room since. */
export interface Booking {
  readonly jobId: string;
  readonly host: string;
  readonly cores: number;
  readonly memoryMiB: number;
}

export interface RouterContext {
  readonly queue: JobQueue;
  /** As they told last. */
  readonly hosts: Readonly<Record<string, HostView>>;
  /** Job -> dependencies that have not completed yet. */
  readonly waiting: Readonly<Record<string, readonly string[]>>;
  readonly booked: readonly Booking[];
}

export type RouterEffect =
  /** A dependency may have ended before anybody waited for it: find out. */
  | { readonly type: 'look-up'; readonly dependency: string }
  | { readonly type: 'place'; readonly jobId: string; readonly host: string }
  | { readonly type: 'dependencies-met'; readonly jobId: string }
  | { readonly type: 'dependency-failed'; readonly jobId: string; readonly dependency: string };
