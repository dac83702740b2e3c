/** Starts a worker where it was asked for: on a thread, or in a process that can be killed. */
import type { ResourceLimits } from 'node:worker_threads';
import { type Clock, systemClock } from '../clock.ts';
import type { WorkerPermissions } from './permissions.ts';
import { ChannelPort, type WorkerPort, type WorkerProcessPort } from './port.ts';
import { openProcess } from './process.ts';
import type { WorkerContract } from './protocol.ts';
import { openThread } from './thread.ts';
import { openWebWorker } from './web-worker.ts';

export interface WorkerSpawnOptions {
  /** For people and errors. */
  readonly name: string;
  readonly workerData?: unknown;
  /**
   * `thread` (default): quick to start and to talk to, buffers can be handed over; never ended from outside. `process`:
   * can be killed, and is by itself when a call does not end within `graceMs` of its deadline.
   */
  readonly isolation?: 'thread' | 'process';
  /**
   * What the worker may do; without them, all that this process may. Held by Deno on threads and in processes, by Node in
   * processes only, where it does not restrict the network. On Node's threads they are ignored.
   */
  readonly permissions?: WorkerPermissions;
  /** Threads on Node; others ignore them. */
  readonly resourceLimits?: ResourceLimits;
  /** Default 1000 ms. */
  readonly graceMs?: number;
  /** Times deadlines. */
  readonly clock?: Clock;
}

/** Starts the module at `url`, which calls `serveWorker`. */
export function spawnWorker<TContract extends WorkerContract>(
  url: URL,
  options: WorkerSpawnOptions & { readonly isolation: 'process' },
): WorkerProcessPort<TContract>;
export function spawnWorker<TContract extends WorkerContract>(
  url: URL,
  options: WorkerSpawnOptions,
): WorkerPort<TContract>;
export function spawnWorker<TContract extends WorkerContract>(
  url: URL,
  { isolation = 'thread', permissions, clock = systemClock, graceMs = 1_000, ...rest }: WorkerSpawnOptions,
): WorkerProcessPort<TContract> {
  const port = new ChannelPort(
    (events) => {
      if (isolation === 'process') return openProcess(url, { ...rest, permissions }, events);
      if (permissions !== undefined && process.versions.deno !== undefined) {
        return openWebWorker(url, { ...rest, permissions }, events);
      }
      return openThread(url, rest, events);
    },
    { name: rest.name, clock, graceMs },
  );
  return port as WorkerProcessPort<TContract>;
}
