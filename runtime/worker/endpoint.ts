/** Where a worker's code finds the program that started it: a thread's port, or what the entry has provided. */
import { parentPort, type Transferable, workerData } from 'node:worker_threads';
import { GridError } from '../errors.ts';
import type { FromWorker, ToWorker } from './protocol.ts';

export interface Endpoint {
  readonly workerData: unknown;
  post(message: FromWorker, transfer: Transferable[]): void;
  /** Called once; what came before is heard first. */
  listen(listener: (message: ToWorker) => void): void;
  /** Hears no more, so that the worker ends by itself. */
  end(): void;
}

let provided: Endpoint | undefined;

/** By the entry, before it imports the worker's module. */
export function provideEndpoint(endpoint: Endpoint): void {
  provided = endpoint;
}

/** Throws `not-a-worker`. */
export function takeEndpoint(): Endpoint {
  if (provided !== undefined) return provided;
  const port = parentPort;
  if (port === null) throw new GridError('not-a-worker', 'serveWorker was called outside a worker');
  let heard: ((message: ToWorker) => void) | undefined;
  return {
    workerData,
    post: (message, transfer) => port.postMessage(message, transfer),
    listen: (listener) => {
      heard = listener;
      port.on('message', listener);
    },
    end: () => {
      if (heard !== undefined) port.off('message', heard);
      // Without a listener nothing keeps the thread alive: it ends by itself, never in mid-work.
      port.unref();
    },
  };
}
