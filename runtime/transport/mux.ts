/** Request/reply over one inbox subscription, one map of waiting callers and one timer for all deadlines. */
import { type Clock, systemClock } from '../clock.ts';
import { decode, decodeMessagePackOrJson, encode } from '../codec.ts';
import {
  Cancelled,
  DeadlineExceeded,
  type GridError,
  MalformedMessage,
  NoResponders,
  RemoteError,
  TransportClosed,
} from '../errors.ts';
import type { RequestContext, StreamContext } from './context.ts';
import { Deadlines } from './deadlines.ts';
import type { Subscription, Transport, TransportMessage } from './port.ts';
import { openStream, type StreamOptions } from './stream-client.ts';
import { StreamServer } from './stream-server.ts';
import { failedReply, replyBytes, replySchema } from './wire.ts';

export interface RequestOptions {
  /** Default 5000. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

export type { StreamOptions } from './stream-client.ts';

/** Bodies are maps (plain objects); answers any plain value. */
export interface Mux extends AsyncDisposable {
  /**
   * Rejects with the server's own error as `RemoteError`, with `NoResponders` at once when nobody serves
   * `subject`, with `DeadlineExceeded`, `Cancelled`, or what the transport throws.
   */
  request(subject: string, body: object, options?: RequestOptions): Promise<unknown>;
  /**
   * Answers until the server ends it. Leaving the loop cancels it at the server; a lost connection, or a
   * reader slower than `bound` items, ends it with an error instead of a gap.
   */
  requestStream(subject: string, body: object, options?: StreamOptions): AsyncIterable<unknown>;
  /** Answers MessagePack and JSON requests with `{ok: true, body}` or `{ok: false, error}` in the same format. */
  serve(
    subject: string,
    handler: (body: unknown, context: RequestContext) => unknown,
    options?: { readonly queue?: string },
  ): Subscription;
  /** Answers `{stream: 'open'}`, `{stream: 'item', body}` for each value, then `{stream: 'end'}` or `{stream: 'error', error}`. */
  serveStream(
    subject: string,
    handler: (body: unknown, context: StreamContext) => AsyncIterable<unknown>,
    options?: { readonly queue?: string },
  ): Subscription;
  /** Rejects what waits, ends streams, leaves the transport open. */
  close(): Promise<void>;
}

export interface MuxOptions {
  readonly clock?: Clock;
  /** What the server lets this user receive answers on. Default `_INBOX`. */
  readonly inboxPrefix?: string;
}

export function createMux(transport: Transport, options: MuxOptions = {}): Mux {
  return new TransportMux(transport, options);
}

const NO_FIELDS = { value: {}, format: 'json' } as const;

interface Waiting {
  readonly subject: string;
  readonly deadlineMs: number;
  /** Milliseconds since the epoch. */
  readonly expires: number;
  readonly resolve: (body: unknown) => void;
  readonly reject: (error: GridError) => void;
}

class TransportMux implements Mux {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #inbox: string;
  readonly #waiting = new Map<string, Waiting>();
  readonly #routes = new Map<string, (message: TransportMessage) => void>();
  readonly #deadlines: Deadlines;
  readonly #served = new Set<Subscription>();
  readonly #streams: StreamServer;
  #subscription: Subscription | undefined;
  #serial = 0;
  #closed = false;

  constructor(transport: Transport, options: MuxOptions) {
    this.#transport = transport;
    this.#clock = options.clock ?? systemClock;
    this.#inbox = `${options.inboxPrefix ?? '_INBOX'}.${crypto.randomUUID().replaceAll('-', '')}.`;
    this.#deadlines = new Deadlines(this.#clock, (now) => this.#expire(now));
    this.#streams = new StreamServer({
      transport,
      clock: this.#clock,
      route: (handler) => this.#route(handler),
    });
  }

  request(subject: string, body: object, options: RequestOptions = {}): Promise<unknown> {
    const { deadlineMs = 5_000, signal } = options;
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new TransportClosed(`request to ${subject}`));
      if (signal?.aborted) return reject(new Cancelled(`request to ${subject}`, signal.reason));
      const token = this.#nextToken();
      const abort = () => this.#settle(token)?.reject(new Cancelled(`request to ${subject}`, signal?.reason));
      const expires = this.#clock.now() + deadlineMs;
      this.#waiting.set(token, {
        subject,
        deadlineMs,
        expires,
        resolve: (value) => {
          signal?.removeEventListener('abort', abort);
          resolve(value);
        },
        reject: (error) => {
          signal?.removeEventListener('abort', abort);
          reject(error);
        },
      });
      signal?.addEventListener('abort', abort, { once: true });
      try {
        this.#transport.publish(subject, encode(body), { reply: this.#inbox + token });
        this.#deadlines.arm(expires);
      } catch (error) {
        this.#settle(token)?.reject(error as GridError);
      }
    });
  }

  requestStream(subject: string, body: object, options: StreamOptions = {}): AsyncIterable<unknown> {
    if (this.#closed) throw new TransportClosed(`stream of ${subject}`);
    return openStream(
      { transport: this.#transport, clock: this.#clock, route: (handler) => this.#route(handler) },
      subject,
      body,
      options,
    );
  }

  serve(
    subject: string,
    handler: (body: unknown, context: RequestContext) => unknown,
    options: { readonly queue?: string } = {},
  ): Subscription {
    return this.#listen(subject, options, (message) => void this.#answer(message, handler));
  }

  serveStream(
    subject: string,
    handler: (body: unknown, context: StreamContext) => AsyncIterable<unknown>,
    options: { readonly queue?: string } = {},
  ): Subscription {
    return this.#listen(subject, options, (message) => void this.#streams.serve(message, handler));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#deadlines.stop();
    for (const subscription of this.#served) subscription.unsubscribe();
    await this.#streams.close();
    for (const token of [...this.#waiting.keys()]) {
      const waiting = this.#settle(token);
      waiting?.reject(new Cancelled(`request to ${waiting.subject}`));
    }
    this.#subscription?.unsubscribe();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #listen(
    subject: string,
    options: { readonly queue?: string },
    handler: (message: TransportMessage) => void,
  ): Subscription {
    if (this.#closed) throw new TransportClosed(`serve ${subject}`);
    const inner = this.#transport.subscribe(subject, handler, options);
    const subscription = {
      unsubscribe: () => {
        this.#served.delete(subscription);
        inner.unsubscribe();
      },
    };
    this.#served.add(subscription);
    return subscription;
  }

  async #answer(
    message: TransportMessage,
    handler: (body: unknown, context: RequestContext) => unknown,
  ): Promise<void> {
    const { subject, reply } = message;
    let format: 'msgpack' | 'json' = message.data[0] === 0x7b ? 'json' : 'msgpack';
    let answer: object;
    try {
      // An empty payload is what people send who have nothing to say: no fields.
      const decoded = message.data.length === 0 ? NO_FIELDS : decodeMessagePackOrJson(message.data);
      format = decoded.format;
      // Most handlers are asynchronous; what is not should not wait for a microtask.
      const result = handler(decoded.value, { subject, format });
      const body = result instanceof Promise ? await result : result;
      answer = { ok: true, ...(body !== undefined && { body }) };
    } catch (error) {
      answer = failedReply(error);
    }
    if (reply === undefined) return;
    try {
      this.#transport.publish(reply, replyBytes(answer, failedReply, format, this.#transport.maxPayload));
    } catch {
      // The connection is gone: the caller's deadline tells it.
    }
  }

  /** Gives `handler` a reply subject of its own. */
  #route(handler: (message: TransportMessage) => void): {
    readonly subject: string;
    readonly end: () => void;
  } {
    const token = this.#nextToken();
    this.#routes.set(token, handler);
    return { subject: this.#inbox + token, end: () => void this.#routes.delete(token) };
  }

  #nextToken(): string {
    this.#subscription ??= this.#transport.subscribe(`${this.#inbox}*`, (message) => this.#receive(message));
    this.#serial += 1;
    return this.#serial.toString(36);
  }

  #receive(message: TransportMessage): void {
    const token = message.subject.slice(this.#inbox.length);
    const waiting = this.#settle(token);
    if (waiting === undefined) {
      this.#routes.get(token)?.(message);
      return;
    }
    if (message.noResponders) {
      waiting.reject(new NoResponders(waiting.subject));
      return;
    }
    try {
      const checked = replySchema.safeParse(decode(message.data, { maxBytes: this.#transport.maxPayload }));
      if (!checked.success) throw new MalformedMessage(`answer from ${waiting.subject} is malformed`);
      if (checked.data.ok) waiting.resolve(checked.data.body);
      else waiting.reject(new RemoteError(checked.data.error));
    } catch (error) {
      waiting.reject(error as GridError);
    }
  }

  #settle(token: string): Waiting | undefined {
    const waiting = this.#waiting.get(token);
    if (waiting !== undefined) this.#waiting.delete(token);
    return waiting;
  }

  /** Rejects what is overdue; returns when to look again. */
  #expire(now: number): number | undefined {
    let next: number | undefined;
    for (const [token, waiting] of this.#waiting) {
      if (waiting.expires <= now) {
        this.#settle(token);
        waiting.reject(new DeadlineExceeded(`request to ${waiting.subject}`, waiting.deadlineMs));
      } else if (next === undefined || waiting.expires < next) next = waiting.expires;
    }
    return next;
  }
}
