/** Request/reply over one inbox subscription and one timer for all deadlines; under load in frames of many messages. */
import { type Clock, systemClock } from '../clock.ts';
import { TransportClosed } from '../errors.ts';
import { Answers } from './answers.ts';
import { Calls } from './calls.ts';
import type { RequestContext, StreamContext } from './context.ts';
import type { Subscription, Transport, TransportMessage } from './port.ts';
import { openStream, type StreamOptions } from './stream-client.ts';
import { StreamServer } from './stream-server.ts';
import { Turn } from './turn.ts';

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
    options?: ServeOptions,
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

export interface ServeOptions {
  readonly queue?: string;
  /**
   * Requests to a subject that was answered here may come straight here, many in a frame (needs `MuxOptions.direct`).
   * A handler that finds that the subject is another node's by now throws `Misdirected`: the caller asks by subject.
   * Subjects: without wildcards, or one or two `*` at the end.
   */
  readonly direct?: boolean;
}

export interface MuxOptions {
  readonly clock?: Clock;
  /** Unique in the cluster: names its inbox. Default: a random one. */
  readonly id?: string;
  /** A subject of this mux alone, on which it takes frames. Default: it takes none. */
  readonly direct?: string;
}

export function createMux(transport: Transport, options: MuxOptions = {}): Mux {
  return new TransportMux(transport, options);
}

class TransportMux implements Mux {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #inbox: string;
  readonly #direct: string | undefined;
  readonly #turn = new Turn();
  readonly #calls: Calls;
  readonly #answers: Answers;
  readonly #routes = new Map<string, (message: TransportMessage) => void>();
  readonly #served = new Set<Subscription>();
  readonly #frames: Subscription | undefined;
  readonly #streams: StreamServer;
  #subscription: Subscription | undefined;
  #serial = 0;
  #closed = false;

  constructor(transport: Transport, options: MuxOptions) {
    this.#transport = transport;
    this.#clock = options.clock ?? systemClock;
    this.#inbox = `${transport.inboxPrefix}.${options.id ?? crypto.randomUUID().replaceAll('-', '')}.`;
    this.#direct = options.direct;
    this.#calls = new Calls({
      transport,
      clock: this.#clock,
      turn: this.#turn,
      inbox: this.#inbox,
      nextToken: () => this.#nextToken(),
    });
    this.#answers = new Answers(transport, this.#turn);
    this.#streams = new StreamServer({
      transport,
      clock: this.#clock,
      route: (handler) => this.#route(handler),
    });
    if (options.direct !== undefined) {
      this.#frames = this.#listen(options.direct, {}, (message) => this.#answers.batch(message));
    }
  }

  request(subject: string, body: object, options: RequestOptions = {}): Promise<unknown> {
    if (this.#closed) return Promise.reject(new TransportClosed(`request to ${subject}`));
    return this.#calls.start(subject, body, options.deadlineMs ?? 5_000, options.signal);
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
    options: ServeOptions = {},
  ): Subscription {
    const direct = options.direct ? this.#direct : undefined;
    const inner = this.#listen(subject, options, (message) => {
      void this.#answers.single(message, handler, direct);
    });
    if (direct === undefined) return inner;
    const dismiss = this.#answers.admit(subject, handler);
    return {
      unsubscribe: () => {
        dismiss();
        inner.unsubscribe();
      },
      drain: () => {
        dismiss();
        return inner.drain();
      },
    };
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
    // Frames that the server had sent before it knew are answered: nobody else has got them.
    await this.#frames?.drain();
    this.#turn.end();
    for (const subscription of this.#served) subscription.unsubscribe();
    await this.#streams.close();
    this.#calls.close();
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
    const heard = (message: TransportMessage) => {
      // NATS does not check what a message names as its reply subject: who answered there would say with rights of its
      // own what the sender may not say.
      if (!message.reply?.startsWith('shadowgrid.')) handler(message);
    };
    const inner = this.#transport.subscribe(subject, heard, options);
    const subscription = {
      unsubscribe: () => {
        this.#served.delete(subscription);
        inner.unsubscribe();
      },
      drain: async () => {
        await inner.drain();
        this.#served.delete(subscription);
      },
    };
    this.#served.add(subscription);
    return subscription;
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
    if (!this.#calls.receive(token, message)) this.#routes.get(token)?.(message);
  }
}
