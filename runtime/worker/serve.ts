/** The worker's side: answers calls, sends events, and ends by itself when asked to close. */
import type { Transferable } from 'node:worker_threads';
import { GridError } from '../errors.ts';
import { takeEndpoint } from './endpoint.ts';
import { toWorkerError } from './errors.ts';
import type {
  EventName,
  EventPayload,
  FromWorker,
  ToWorker,
  WorkerContract,
  WorkerHandlers,
} from './protocol.ts';

export interface CallContext {
  /** Fires when the caller gave up. */
  readonly signal: AbortSignal;
  /** Buffers of the reply to hand over instead of copying: push them here. */
  readonly transfer: Transferable[];
}

export interface WorkerScope<TContract extends WorkerContract> {
  /** As given to `spawnWorker`, not checked. */
  readonly workerData: unknown;
  emit<TName extends EventName<TContract>>(
    name: TName,
    payload: EventPayload<TContract, TName>,
    transfer?: Transferable[],
  ): void;
}

/** Call once in a worker's module. `onClose` runs after the last call has been answered. */
export function serveWorker<TContract extends WorkerContract>(
  handlers: WorkerHandlers<TContract, CallContext>,
  options: { readonly onClose?: () => void | Promise<void> } = {},
): WorkerScope<TContract> {
  const endpoint = takeEndpoint();
  const byName = handlers as { readonly [name: string]: (request: never, context: CallContext) => unknown };
  const running = new Map<number, { readonly controller: AbortController; readonly done: Promise<void> }>();
  const post = (message: FromWorker, transfer: Transferable[] = []) => endpoint.post(message, transfer);

  const call = async (id: number, name: string, request: unknown, controller: AbortController) => {
    const transfer: Transferable[] = [];
    try {
      const handler = Object.hasOwn(byName, name) ? byName[name] : undefined;
      if (handler === undefined) throw new GridError('unknown-call', `the worker has no call ${name}`);
      const reply = await handler(request as never, { signal: controller.signal, transfer });
      post({ kind: 'reply', id, reply }, transfer);
    } catch (error) {
      post({ kind: 'error', id, error: toWorkerError(error) });
    } finally {
      running.delete(id);
    }
  };
  const close = async () => {
    await Promise.allSettled([...running.values()].map(({ done }) => done));
    await options.onClose?.();
    endpoint.end();
  };
  let closing = false;
  const receive = (message: ToWorker) => {
    if (message.kind === 'cancel') running.get(message.id)?.controller.abort();
    else if (message.kind === 'close') {
      // A process is told once more when the program that started it is gone.
      if (!closing) void close();
      closing = true;
    } else {
      const controller = new AbortController();
      // Entered before the handler runs: what a synchronous handler answers must find itself here.
      const done = Promise.resolve().then(() => call(message.id, message.name, message.request, controller));
      running.set(message.id, { controller, done });
    }
  };
  endpoint.listen(receive);

  return {
    workerData: endpoint.workerData,
    emit: (name, payload, transfer) => post({ kind: 'event', name, payload }, transfer),
  };
}
