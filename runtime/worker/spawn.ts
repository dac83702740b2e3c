/** The program's side: starts a worker, calls it, hears its events, and lets it end by itself. */
import { type ResourceLimits, type Transferable, Worker } from 'node:worker_threads';
import { Cancelled, RemoteError, WorkerExited } from '../errors.ts';
import type {
  CallName,
  CallReply,
  CallRequest,
  EventName,
  EventPayload,
  FromWorker,
  ToWorker,
  WorkerContract,
} from './protocol.ts';

export interface WorkerSpawnOptions {
  /** For people and errors. */
  readonly name: string;
  readonly workerData?: unknown;
  /** Node only; Deno ignores them. */
  readonly resourceLimits?: ResourceLimits;
}

export interface WorkerExit {
  /** 0 when it ended in order. */
  readonly code: number;
  /** What was thrown when it crashed. */
  readonly error?: Error;
}

export interface WorkerPort<TContract extends WorkerContract> extends AsyncDisposable {
  /** Rejects with the worker's error as `RemoteError`, with `Cancelled`, or with `WorkerExited`. */
  call<TName extends CallName<TContract>>(
    name: TName,
    request: CallRequest<TContract, TName>,
    options?: { readonly transfer?: Transferable[]; readonly signal?: AbortSignal },
  ): Promise<CallReply<TContract, TName>>;
  on<TName extends EventName<TContract>>(
    name: TName,
    listener: (payload: EventPayload<TContract, TName>) => void,
  ): () => void;
  /** Called once, when the worker has ended for whatever reason (at once if it has). */
  onExit(listener: (exit: WorkerExit) => void): void;
  /** Takes no more calls; resolves when those running are answered and the thread has ended. Never interrupts it. */
  close(): Promise<void>;
}

/** Starts the module at `url`, which calls `serveWorker`. */
export function spawnWorker<TContract extends WorkerContract>(
  url: URL,
  options: WorkerSpawnOptions,
): WorkerPort<TContract> {
  return new ThreadPort(url, options) as WorkerPort<TContract>;
}

interface Pending {
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
}

class ThreadPort {
  readonly #name: string;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Map<string, Set<(payload: unknown) => void>>();
  readonly #exited: Promise<WorkerExit>;
  #serial = 0;
  #over: WorkerExited | undefined;
  #closing: Promise<void> | undefined;

  constructor(url: URL, { name, workerData, resourceLimits }: WorkerSpawnOptions) {
    this.#name = name;
    this.#worker = new Worker(url, {
      name,
      workerData,
      ...(resourceLimits !== undefined && { resourceLimits }),
    });
    this.#worker.on('message', (message: FromWorker) => this.#receive(message));
    this.#exited = new Promise((resolve) => {
      let crash: Error | undefined;
      this.#worker.on('error', (error) => {
        crash = error instanceof Error ? error : new Error(String(error));
      });
      this.#worker.on('exit', (code) => {
        this.#finish(crash);
        resolve({ code, ...(crash !== undefined && { error: crash }) });
      });
    });
  }

  call(
    name: string,
    request: unknown,
    options: { readonly transfer?: Transferable[]; readonly signal?: AbortSignal } = {},
  ): Promise<unknown> {
    const { transfer = [], signal } = options;
    const what = `call of ${name} in worker ${this.#name}`;
    return new Promise((resolve, reject) => {
      if (this.#over !== undefined) return reject(this.#over);
      if (this.#closing !== undefined) return reject(new WorkerExited(this.#name));
      if (signal?.aborted) return reject(new Cancelled(what, signal.reason));
      this.#serial += 1;
      const id = this.#serial;
      const abort = () => {
        this.#pending.delete(id);
        this.#post({ kind: 'cancel', id });
        reject(new Cancelled(what, signal?.reason));
      };
      const settled = () => signal?.removeEventListener('abort', abort);
      this.#pending.set(id, {
        resolve: (reply) => {
          settled();
          resolve(reply);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      });
      signal?.addEventListener('abort', abort, { once: true });
      try {
        this.#post({ kind: 'call', id, name, request }, transfer);
      } catch (error) {
        this.#pending.delete(id);
        settled();
        reject(error);
      }
    });
  }

  on(name: string, listener: (payload: unknown) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  onExit(listener: (exit: WorkerExit) => void): void {
    void this.#exited.then(listener);
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      if (this.#over === undefined) this.#post({ kind: 'close' });
      await this.#exited;
    })();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #post(message: ToWorker, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #receive(message: FromWorker): void {
    if (message.kind === 'event') {
      for (const listener of this.#listeners.get(message.name) ?? []) listener(message.payload);
      return;
    }
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.kind === 'reply') pending?.resolve(message.reply);
    else pending?.reject(new RemoteError(message.error));
  }

  #finish(crash: Error | undefined): void {
    this.#over = new WorkerExited(this.#name, crash);
    for (const pending of this.#pending.values()) pending.reject(this.#over);
    this.#pending.clear();
  }
}
