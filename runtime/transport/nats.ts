/** The NATS driver: one connection that reconnects for ever; while it is lost the transport is suspended, not dead. */
import {
  connect,
  type NatsConnection,
  type NodeConnectionOptions,
  nkeyAuthenticator,
  PermissionViolationError,
} from '@nats-io/transport-node';
import {
  PayloadTooLarge,
  PermissionDenied,
  TransportClosed,
  TransportSuspended,
  TransportUnreachable,
} from '../errors.ts';
import type { Subscription, Transport, TransportMessage, TransportStatus } from './port.ts';

/** Who one is to a secured NATS. Plain values, as all of {@link NatsOptions} without `connection`: fit for a worker. */
export interface NatsUser {
  /** nkey seed, `SU...`: who has it is the user. */
  readonly seed: string;
  /** Certificates that the server's must come from, PEM. */
  readonly authority: string;
  /** Where the user, and nobody else, receives answers. */
  readonly inboxPrefix: string;
}

export interface NatsOptions {
  /** `nats://127.0.0.1:4222`, one or more of a cluster. */
  readonly servers: string | readonly string[];
  /** Shown by the server beside the connection. */
  readonly name?: string;
  readonly user?: NatsUser;
  /** Credentials and TLS of other kinds, and the like, as `@nats-io/transport-node` takes them. */
  readonly connection?: Omit<NodeConnectionOptions, 'servers' | 'name'>;
}

/** Connects, or throws {@link TransportUnreachable} when there is no server now. */
export async function connectNats(options: NatsOptions): Promise<NatsTransport> {
  const servers = typeof options.servers === 'string' ? [options.servers] : [...options.servers];
  const given = { ...(options.user !== undefined && identityOf(options.user)), ...options.connection };
  let attempts = 0;
  try {
    const connection = await connect({
      pingInterval: 10_000,
      maxPingOut: 2,
      timeout: 5_000,
      ...given,
      servers,
      ...(options.name !== undefined && { name: options.name }),
      noAsyncTraces: true,
      reconnect: true,
      maxReconnectAttempts: -1,
      // While keys are changed, a server may not know ours yet: that is no reason to give up either.
      ignoreAuthErrorAbort: true,
      reconnectDelayHandler: () => backOff(attempts++),
    });
    return new NatsTransport(connection, given.inboxPrefix ?? '_INBOX', () => {
      attempts = 0;
    });
  } catch (cause) {
    throw new TransportUnreachable(servers.join(', '), cause);
  }
}

const identityOf = ({ seed, authority, inboxPrefix }: NatsUser) => ({
  authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
  tls: { ca: authority },
  inboxPrefix,
});

/**
 * Of `$KV`, `$JS` and the like. The server does not check which reply subject a message names: who answered there
 * would write, with rights of its own, what the sender may not.
 */
const isServers = (subject: string) => subject.startsWith('$');

/** 25 ms doubling to 2 s, with up to a quarter of jitter so that nodes do not come back all at once. */
function backOff(attempt: number): number {
  return Math.min(2_000, 25 * 2 ** Math.min(attempt, 10)) * (0.75 + Math.random() / 4);
}

/** Made by {@link connectNats}. */
export class NatsTransport implements Transport {
  /** For the store driver, which speaks JetStream over the same connection. */
  readonly connection: NatsConnection;
  readonly inboxPrefix: string;
  readonly #listeners = new Set<(status: TransportStatus) => void>();
  readonly #denialListeners = new Set<(denied: PermissionDenied) => void>();
  #status: TransportStatus = 'connected';
  #denials = 0;

  constructor(connection: NatsConnection, inboxPrefix: string, onReconnect: () => void) {
    this.connection = connection;
    this.inboxPrefix = inboxPrefix;
    void this.#follow(onReconnect);
    void connection.closed().then(() => this.#change('closed'));
  }

  get status(): TransportStatus {
    return this.#status;
  }

  get maxPayload(): number {
    return this.connection.info?.max_payload ?? 1024 * 1024;
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Publications and subscriptions that the server has refused so far. */
  get denials(): number {
    return this.#denials;
  }

  /**
   * Calls back when the server refuses one: it says so later, not to the call that published. A subscription that it
   * refuses has ended; the connection goes on. Returns the function that ends it.
   */
  onDenied(listener: (denied: PermissionDenied) => void): () => void {
    this.#denialListeners.add(listener);
    return () => void this.#denialListeners.delete(listener);
  }

  publish(subject: string, data: Uint8Array, options?: { readonly reply?: string }): void {
    if (this.#status !== 'connected') throw this.#unavailable(`publish to ${subject}`);
    if (data.length > this.maxPayload) throw new PayloadTooLarge(data.length, this.maxPayload);
    this.connection.publish(subject, data, options);
  }

  subscribe(
    subject: string,
    handler: (message: TransportMessage) => void,
    options: { readonly queue?: string } = {},
  ): Subscription {
    if (this.#status === 'closed') throw new TransportClosed(`subscribe to ${subject}`);
    const subscription = this.connection.subscribe(subject, {
      ...options,
      callback: (error, message) => {
        // An error is the end of the subscription (permission denied: see onDenied; connection closed), not a message.
        if (error !== null) return;
        const { reply, data } = message;
        const noResponders = data.length === 0 && message.headers?.code === 503;
        handler({
          subject: message.subject,
          data,
          ...(reply && !isServers(reply) && { reply }),
          ...(noResponders && { noResponders }),
        });
      },
    });
    return {
      unsubscribe: () => {
        if (!subscription.isClosed()) subscription.unsubscribe();
      },
      drain: async () => {
        if (this.#status === 'connected' && !subscription.isClosed()) {
          await subscription.drain().catch(() => undefined);
        } else if (!subscription.isClosed()) subscription.unsubscribe();
      },
    };
  }

  async flush(): Promise<void> {
    if (this.#status !== 'connected') throw this.#unavailable('flush');
    await this.connection.flush();
  }

  async close(): Promise<void> {
    if (this.#status === 'closed') return;
    if (this.#status === 'connected') await this.connection.flush().catch(() => undefined);
    await this.connection.close();
    this.#change('closed');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #follow(onReconnect: () => void): Promise<void> {
    for await (const event of this.connection.status()) {
      if (event.type === 'disconnect') this.#change('suspended');
      if (event.type === 'reconnect') {
        onReconnect();
        this.#change('connected');
      }
      if (event.type === 'error' && event.error instanceof PermissionViolationError) this.#deny(event.error);
    }
  }

  #deny(violation: PermissionViolationError): void {
    this.#denials += 1;
    const operation = violation.operation === 'publish' ? 'publish' : 'subscribe';
    const denied = new PermissionDenied(operation, violation.subject, violation);
    for (const listener of [...this.#denialListeners]) listener(denied);
  }

  #change(status: TransportStatus): void {
    if (this.#status === status || this.#status === 'closed') return;
    this.#status = status;
    for (const listener of [...this.#listeners]) listener(status);
  }

  #unavailable(what: string): Error {
    return this.#status === 'closed' ? new TransportClosed(what) : new TransportSuspended(what);
  }
}
