/** Calls to JetStream over a connection that comes and goes: typed errors, and none that waits for what was lost. */
import {
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import { GridError, StoreUnavailable, TransportClosed, TransportSuspended } from '../errors.ts';
import type { NatsTransport } from '../transport/mod.ts';

export class NatsCalls {
  readonly transport: NatsTransport;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  /** Calls that wait for an answer: what was asked before the connection is lost will not be answered. */
  readonly #unanswered = new Set<(error: GridError) => void>();

  /** Throws {@link StoreUnavailable} when the server has no JetStream. */
  static async on(transport: NatsTransport): Promise<NatsCalls> {
    const client = jetstream(transport.connection);
    try {
      return new NatsCalls(transport, client, await jetstreamManager(transport.connection));
    } catch (cause) {
      throw new StoreUnavailable('the server has no JetStream', cause);
    }
  }

  private constructor(transport: NatsTransport, client: JetStreamClient, manager: JetStreamManager) {
    this.transport = transport;
    this.client = client;
    this.manager = manager;
    transport.onStatus((status) => {
      if (status === 'connected') return;
      for (const giveUp of this.#unanswered) giveUp(new TransportSuspended('waiting for an answer'));
    });
  }

  /** What is not an error of ours becomes `StoreUnavailable`, the server's refusal being its `cause`. */
  async call<T>(what: string, run: () => Promise<T>): Promise<T> {
    const { status } = this.transport;
    if (status === 'suspended') throw new TransportSuspended(what);
    if (status === 'closed') throw new TransportClosed(what);
    try {
      return await this.#answered(run());
    } catch (cause) {
      if (cause instanceof GridError && !(cause instanceof TransportSuspended)) throw cause;
      throw new StoreUnavailable(what, cause);
    }
  }

  /** As `answer`, or rejects when the connection is lost. Not `Promise.race`, which would remember every answer. */
  #answered<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#unanswered.add(reject);
      answer.then(resolve, reject).finally(() => this.#unanswered.delete(reject));
    });
  }
}

const CONSUMER_NOT_UNIQUE = 10_100;

export const isGone = (error: unknown) => codeOf(error) === JetStreamApiCodes.StreamNotFound;
export const isNoConsumer = (error: unknown) => codeOf(error) === JetStreamApiCodes.ConsumerNotFound;
/** Another consumer has these subjects of a work queue. */
export const isNotUnique = (error: unknown) => codeOf(error) === CONSUMER_NOT_UNIQUE;

function codeOf(error: unknown): number | undefined {
  const cause = error instanceof StoreUnavailable ? error.cause : error;
  return cause instanceof JetStreamApiError ? cause.code : undefined;
}
