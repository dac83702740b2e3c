/** The Transport port: subjects, wildcards and queue groups, at most once. Drivers: nats, memory. */

/**
 * `suspended`: the connection is lost and being restored, for ever; subscriptions come back with it.
 * `closed`: ended by this side.
 */
export type TransportStatus = 'connected' | 'suspended' | 'closed';

export interface TransportMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Subject on which the sender waits for an answer. */
  readonly reply?: string;
  /** True for the broker's own answer that nobody listens on the subject the reply was asked of; `data` is empty. */
  readonly noResponders?: boolean;
}

export interface Subscription {
  /** Idempotent; nothing is delivered afterwards. */
  unsubscribe(): void;
  /**
   * The broker sends nothing more here; what it had sent before is delivered yet. Resolves when that has been, or as soon
   * as there is no connection. Then as unsubscribed.
   */
  drain(): Promise<void>;
}

/**
 * A connection to a bus. Delivery is asynchronous, in order per publisher and subject, at most once.
 * `*` stands for one token of a subject, a last `>` for one or more.
 */
export interface Transport extends AsyncDisposable {
  readonly status: TransportStatus;
  /** Largest payload in bytes. */
  readonly maxPayload: number;
  /** What begins below it reaches this user only: where answers are asked to. `_INBOX` unless the user has its own. */
  readonly inboxPrefix: string;
  /** Calls back on every change; returns the function that ends it. */
  onStatus(listener: (status: TransportStatus) => void): () => void;
  /**
   * Hands `data` to the connection; never buffers across an outage.
   * Throws `TransportSuspended`, `TransportClosed` or `PayloadTooLarge`, and then nothing was sent.
   * With `reply`, one message with `noResponders` comes there when nobody listens on `subject`.
   */
  publish(subject: string, data: Uint8Array, options?: { readonly reply?: string }): void;
  /** Works while suspended too: it takes effect with the connection. A throw in `handler` is reported, not propagated. */
  subscribe(
    subject: string,
    handler: (message: TransportMessage) => void,
    options?: { readonly queue?: string },
  ): Subscription;
  /** Resolves when the broker has seen everything published and subscribed before. */
  flush(): Promise<void>;
  /** Sends what was published, then closes. Idempotent. */
  close(): Promise<void>;
}
