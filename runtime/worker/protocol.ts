/** What a program and its worker say to each other. */
import type { WireError } from '../errors.ts';

/** A worker's calls as function types, its events as payload types. Payloads must survive structured clone. */
export interface WorkerContract {
  readonly calls: object;
  readonly events?: object;
}

export type CallName<TContract extends WorkerContract> = keyof TContract['calls'] & string;
export type CallRequest<
  TContract extends WorkerContract,
  TName extends CallName<TContract>,
> = TContract['calls'][TName] extends (request: infer TRequest) => unknown ? TRequest : never;
export type CallReply<
  TContract extends WorkerContract,
  TName extends CallName<TContract>,
> = TContract['calls'][TName] extends (...request: never[]) => infer TReply ? Awaited<TReply> : never;
export type EventName<TContract extends WorkerContract> = keyof NonNullable<TContract['events']> & string;
export type EventPayload<TContract extends WorkerContract, TName extends EventName<TContract>> = NonNullable<
  TContract['events']
>[TName];

/** One function per call of the contract. */
export type WorkerHandlers<TContract extends WorkerContract, TContext> = {
  readonly [TName in CallName<TContract>]: (
    request: CallRequest<TContract, TName>,
    context: TContext,
  ) => CallReply<TContract, TName> | Promise<CallReply<TContract, TName>>;
};

/** What the entry of a worker that is no `node:worker_threads` is sent first: which module it is. */
export interface StartWorker {
  readonly kind: 'start';
  readonly url: string;
  readonly workerData: unknown;
}

export type ToWorker =
  | { readonly kind: 'call'; readonly id: number; readonly name: string; readonly request: unknown }
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'close' };

export type FromWorker =
  | { readonly kind: 'reply'; readonly id: number; readonly reply: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: WireError }
  | { readonly kind: 'event'; readonly name: string; readonly payload: unknown };

/** The last thing that the entry says. With `error` it broke. */
export interface WorkerEnded {
  readonly kind: 'ended';
  readonly code: number;
  readonly error?: string;
}
