/** The program's end of a worker, whatever carries it: calls with their answers, events, an orderly end. */
import type { Transferable } from 'node:worker_threads';
import type { Clock } from '../clock.ts';
import { Cancelled, DeadlineExceeded, MalformedMessage, RemoteError, WorkerExited } from '../errors.ts';
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

export interface WorkerExit {
  /** 0 when it ended in order; 128 and the signal's number when a signal ended the process. */
  readonly code: number;
  /** What was thrown when it crashed, or that it was killed. */
  readonly error?: Error;
}

export interface WorkerCallOptions {
  /** Handed over instead of copied; a process is always sent copies. */
  readonly transfer?: Transferable[];
  readonly signal?: AbortSignal;
  /** Rejects with `DeadlineExceeded` after so long, ms, and tells the worker that nobody waits any more. */
  readonly deadlineMs?: number;
}

export interface WorkerPort<TContract extends WorkerContract> extends AsyncDisposable {
  /**
   * Rejects with the worker's error as `RemoteError`, with `Cancelled`, `DeadlineExceeded` or `WorkerExited`, and with
   * `MalformedMessage` when the request cannot be cloned.
   */
  call<TName extends CallName<TContract>>(
    name: TName,
    request: CallRequest<TContract, TName>,
    options?: WorkerCallOptions,
  ): Promise<CallReply<TContract, TName>>;
  on<TName extends EventName<TContract>>(
    name: TName,
    listener: (payload: EventPayload<TContract, TName>) => void,
  ): () => void;
  /** Called once, when the worker has ended for whatever reason (at once if it has). */
  onExit(listener: (exit: WorkerExit) => void): void;
  /** Takes no more calls; resolves when those running are answered and the worker has ended. Never interrupts it. */
  close(): Promise<void>;
}

/** A worker in a process of its own, which may be ended in the middle of anything. */
export interface WorkerProcessPort<TContract extends WorkerContract> extends WorkerPort<TContract> {
  /** SIGKILL; pending calls reject with `WorkerExited`. Resolves when the process is gone. */
  kill(): Promise<void>;
}

/** What a kind of worker does for its port. */
export interface Channel {
  /** Throws when the message cannot be cloned. Lost without a word when the worker has ended. */
  post(message: ToWorker, transfer: Transferable[]): void;
  /** Absent where it would take the whole program along. */
  readonly kill?: () => void;
}

export interface ChannelEvents {
  message(message: FromWorker): void;
  /** Once, and after the last message. */
  exit(exit: WorkerExit): void;
}

export interface PortOptions {
  readonly name: string;
  readonly clock: Clock;
  /** How long a call may go on after its deadline before the worker is killed, where it can be, ms. */
  readonly graceMs: number;
}

interface Pending {
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class ChannelPort {
  readonly #options: PortOptions;
  readonly #channel: Channel;
  readonly #pending = new Map<number, Pending>();
  /** Timers of calls past their deadline that have not ended. */
  readonly #overdue = new Map<number, unknown>();
  readonly #listeners = new Map<string, Set<(payload: unknown) => void>>();
  readonly #exited: Promise<WorkerExit>;
  #serial = 0;
  #over: WorkerExited | undefined;
  #closing: Promise<void> | undefined;

  constructor(open: (events: ChannelEvents) => Channel, options: PortOptions) {
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<WorkerExit>();
    this.#exited = promise;
    this.#channel = open({
      message: (message) => this.#receive(message),
      exit: (exit) => {
        this.#finish(exit.error);
        resolve(exit);
      },
    });
  }

  call(name: string, request: unknown, options: WorkerCallOptions = {}): Promise<unknown> {
    const { transfer = [], signal, deadlineMs } = options;
    const { clock } = this.#options;
    const what = `call of ${name} in worker ${this.#options.name}`;
    return new Promise((resolve, reject) => {
      if (this.#over !== undefined) return reject(this.#over);
      if (this.#closing !== undefined) return reject(new WorkerExited(this.#options.name));
      if (signal?.aborted) return reject(new Cancelled(what, signal.reason));
      this.#serial += 1;
      const id = this.#serial;
      const abort = () => this.#giveUp(id, new Cancelled(what, signal?.reason));
      const timer =
        deadlineMs !== undefined &&
        clock.setTimeout(() => {
          this.#giveUp(id, new DeadlineExceeded(what, deadlineMs));
          this.#watch(id);
        }, deadlineMs);
      const settled = () => {
        signal?.removeEventListener('abort', abort);
        if (deadlineMs !== undefined) clock.clearTimeout(timer);
      };
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
        this.#channel.post({ kind: 'call', id, name, request }, transfer);
      } catch (error) {
        this.#pending.delete(id);
        settled();
        const reason = error instanceof Error ? error.message : String(error);
        reject(new MalformedMessage(`${what}: ${reason}`, { field: 'request', cause: error }));
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
      if (this.#over === undefined) this.#channel.post({ kind: 'close' }, []);
      await this.#exited;
    })();
    return this.#closing;
  }

  async kill(): Promise<void> {
    this.#channel.kill?.();
    await this.#exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #giveUp(id: number, error: Error): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    this.#channel.post({ kind: 'cancel', id }, []);
    pending?.reject(error);
  }

  /** Kills the worker, where it can be, unless the call ends soon. */
  #watch(id: number): void {
    const { kill } = this.#channel;
    if (kill === undefined || this.#over !== undefined) return;
    this.#overdue.set(id, this.#options.clock.setTimeout(kill, this.#options.graceMs));
  }

  #receive(message: FromWorker): void {
    if (message.kind === 'event') {
      for (const listener of this.#listeners.get(message.name) ?? []) listener(message.payload);
      return;
    }
    this.#endWatch(message.id);
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.kind === 'reply') pending?.resolve(message.reply);
    else pending?.reject(new RemoteError(message.error));
  }

  #endWatch(id: number): void {
    if (this.#overdue.size === 0) return;
    this.#options.clock.clearTimeout(this.#overdue.get(id));
    this.#overdue.delete(id);
  }

  #finish(crash: Error | undefined): void {
    this.#over = new WorkerExited(this.#options.name, crash);
    for (const id of [...this.#overdue.keys()]) this.#endWatch(id);
    for (const pending of this.#pending.values()) pending.reject(this.#over);
    this.#pending.clear();
  }
}
