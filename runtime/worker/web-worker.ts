/** A worker on a thread of this process with permissions of its own: Deno's Web Worker. */
import type { Transferable } from 'node:worker_threads';
import { type WorkerPermissions, webWorkerPermissions } from './permissions.ts';
import type { Channel, ChannelEvents, WorkerExit } from './port.ts';
import type { FromWorker, StartWorker, ToWorker, WorkerEnded } from './protocol.ts';

export interface WebWorkerOptions {
  readonly name: string;
  readonly workerData?: unknown;
  readonly permissions: WorkerPermissions;
}

/** Needs Deno started with `--unstable-worker-options`, or that in its `deno.json`: Deno ends the program without it. */
export function openWebWorker(url: URL, options: WebWorkerOptions, events: ChannelEvents): Channel {
  const { name, workerData, permissions } = options;
  const { Worker } = globalThis as unknown as { readonly Worker: WebWorkerConstructor };
  const worker = new Worker(new URL('./entry.worker.ts', import.meta.url).href, {
    type: 'module',
    name,
    deno: { permissions: webWorkerPermissions(permissions) },
  });
  let over = false;
  const exit = (how: WorkerExit) => {
    if (!over) events.exit(how);
    over = true;
  };
  worker.onmessage = ({ data }) => {
    if (data.kind !== 'ended') events.message(data);
    else exit({ code: data.code, ...(data.error !== undefined && { error: new Error(data.error) }) });
  };
  worker.onerror = (event) => {
    // Otherwise it would be thrown here too.
    event.preventDefault();
    exit({ code: 1, error: new Error(event.message) });
  };
  const post = (message: StartWorker | ToWorker, transfer: Transferable[]) =>
    worker.postMessage(message, { transfer });
  post({ kind: 'start', url: url.href, workerData }, []);
  return { post };
}

/** As much of the Web's as is used here; Node has no such global. */
type WebWorkerConstructor = new (
  url: string,
  options: {
    readonly type: 'module';
    readonly name: string;
    readonly deno: { readonly permissions: ReturnType<typeof webWorkerPermissions> };
  },
) => {
  onmessage: (event: { readonly data: FromWorker | WorkerEnded }) => void;
  onerror: (event: { readonly message: string; preventDefault(): void }) => void;
  postMessage(message: StartWorker | ToWorker, options: { readonly transfer: Transferable[] }): void;
};
