/** A worker on a thread of this process, the same on Node and Deno. */
import { type ResourceLimits, Worker } from 'node:worker_threads';
import type { Channel, ChannelEvents } from './port.ts';
import type { FromWorker } from './protocol.ts';

export interface ThreadOptions {
  readonly name: string;
  readonly workerData?: unknown;
  readonly resourceLimits?: ResourceLimits;
}

export function openThread(url: URL, options: ThreadOptions, events: ChannelEvents): Channel {
  const { name, workerData, resourceLimits } = options;
  const worker = new Worker(url, {
    name,
    workerData,
    ...(resourceLimits !== undefined && { resourceLimits }),
  });
  let crash: Error | undefined;
  worker.on('message', (message: FromWorker) => events.message(message));
  worker.on('error', (error) => {
    crash = error instanceof Error ? error : new Error(String(error));
  });
  worker.on('exit', (code) => events.exit({ code, ...(crash !== undefined && { error: crash }) }));
  // Not to be killed: a thread that is ended in mid-inference takes the process along.
  return { post: (message, transfer) => worker.postMessage(message, transfer) };
}
