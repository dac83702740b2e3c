/** The simulated driver of the Transport port: one per node, over its connection to the broker. */
import { PayloadTooLarge, TransportClosed } from '../errors.ts';
import type { Subscription, Transport, TransportMessage, TransportStatus } from '../transport/mod.ts';
import type { Connection } from './connection.ts';
import type { Listener, SimulatedNetwork } from './network.ts';

interface Subscribed {
  readonly filter: string;
  readonly queue: string | undefined;
  readonly handler: (message: TransportMessage) => void;
  /** As the broker of the latest session has it. */
  listener: Listener | undefined;
}

export interface SimulatedTransportOptions {
  readonly network: SimulatedNetwork;
  readonly connection: Connection;
  /** Told of every message that arrives. */
  readonly observe: (message: TransportMessage) => void;
}

export class SimulatedTransport implements Transport {
  readonly inboxPrefix = '_INBOX';
  readonly maxPayload = 1024 * 1024;
  readonly #network: SimulatedNetwork;
  readonly #connection: Connection;
  readonly #observe: (message: TransportMessage) => void;
  readonly #subscribed = new Set<Subscribed>();
  readonly #pings = new Set<(error: unknown) => void>();

  constructor({ network, connection, observe }: SimulatedTransportOptions) {
    this.#network = network;
    this.#connection = connection;
    this.#observe = observe;
    connection.onStatus((status) => {
      if (status === 'connected') for (const one of this.#subscribed) this.#announce(one);
      else this.#failPings();
    });
  }

  get status(): TransportStatus {
    return this.#connection.status;
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    return this.#connection.onStatus(listener);
  }

  publish(subject: string, data: Uint8Array, options: { readonly reply?: string } = {}): void {
    this.#connection.check(`publish to ${subject}`);
    if (data.length > this.maxPayload) throw new PayloadTooLarge(data.length, this.maxPayload);
    const message: TransportMessage = {
      subject,
      data: data.slice(),
      ...(options.reply !== undefined && { reply: options.reply }),
    };
    this.#connection.up(() => this.#network.route(message));
  }

  subscribe(
    subject: string,
    handler: (message: TransportMessage) => void,
    options: { readonly queue?: string } = {},
  ): Subscription {
    if (this.status === 'closed') throw new TransportClosed(`subscribe to ${subject}`);
    const one: Subscribed = { filter: subject, queue: options.queue, handler, listener: undefined };
    this.#subscribed.add(one);
    this.#announce(one);
    const leave = () => {
      const { listener } = one;
      if (listener !== undefined) this.#connection.up(() => this.#network.unsubscribe(listener));
    };
    return {
      unsubscribe: () => {
        if (this.#subscribed.delete(one)) leave();
      },
      drain: async () => {
        if (!this.#subscribed.has(one)) return;
        const { listener } = one;
        leave();
        await this.flush().catch(() => undefined);
        // A new session may have been told of it meanwhile.
        if (this.#subscribed.delete(one) && one.listener !== listener) leave();
      },
    };
  }

  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#connection.check('flush');
      this.#pings.add(reject);
      this.#connection.up((session) =>
        session.down.send(() => {
          this.#pings.delete(reject);
          resolve();
        }),
      );
    });
  }

  async close(): Promise<void> {
    this.#connection.close();
    this.#subscribed.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Tells the broker of a subscription; takes its way there in order with what is published. */
  #announce(one: Subscribed): void {
    one.listener = undefined;
    if (this.status !== 'connected') return;
    const listener: Listener = {
      filter: one.filter,
      queue: one.queue,
      session: this.#connection.session,
      deliver: (message) => {
        if (!this.#subscribed.has(one)) return;
        this.#observe(message);
        one.handler(message);
      },
    };
    one.listener = listener;
    this.#connection.up(() => this.#network.subscribe(listener));
  }

  #failPings(): void {
    const failed = [...this.#pings];
    this.#pings.clear();
    for (const reject of failed) {
      try {
        this.#connection.check('flush');
      } catch (error) {
        reject(error);
      }
    }
  }
}
