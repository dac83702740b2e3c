/** The JetStream driver of the KeyValue port: one bucket, over the connection of a NATS transport. */
import {
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamClient,
  jetstream,
  jetstreamManager,
  StorageType,
} from '@nats-io/jetstream';
import { type KV, type KvEntry, Kvm } from '@nats-io/kv';
import {
  type GridError,
  KeyExists,
  RevisionConflict,
  StoreUnavailable,
  TransportClosed,
  TransportSuspended,
} from '../errors.ts';
import type { NatsTransport } from '../transport/mod.ts';
import { GroupCommit, type Write } from './group-commit.ts';
import type { KeyValue, KeyValueEntry } from './port.ts';

export interface NatsKeyValueOptions {
  /** `[A-Za-z0-9_-]+` */
  readonly bucket: string;
  /** Servers that keep a copy. Default 1. */
  readonly replicas?: number;
  /** Revisions kept of a key. Default 1. */
  readonly history?: number;
  /** `memory` is gone with the server. Default `file`. */
  readonly storage?: 'file' | 'memory';
}

/** Opens the bucket, creating it if need be. Throws {@link StoreUnavailable} when the server has no JetStream. */
export async function natsKeyValue(
  transport: NatsTransport,
  options: NatsKeyValueOptions,
): Promise<KeyValue> {
  const { bucket, replicas = 1, history = 1, storage = 'file' } = options;
  try {
    const client = jetstream(transport.connection);
    const kv = await new Kvm(client).create(bucket, {
      replicas,
      history,
      storage: storage === 'file' ? StorageType.File : StorageType.Memory,
      // Direct reads may be answered by a replica that lags; compare-and-set wants the truth.
      allow_direct: false,
    });
    const writer = (await allowAtomic(transport, bucket))
      ? new GroupCommit(transport.connection, client)
      : new SingleWrites(client);
    const manager = await jetstreamManager(transport.connection);
    const subjects = async (filter: string) => {
      const { state } = await manager.streams.info(`KV_${bucket}`, { subjects_filter: filter });
      return Object.keys(state.subjects ?? {});
    };
    return new NatsKeyValue({ transport, kv, subject: (key) => `$KV.${bucket}.${key}`, writer, subjects });
  } catch (cause) {
    throw new StoreUnavailable(`bucket ${bucket} cannot be opened`, cause);
  }
}

/** Servers before 2.12 ignore what they are asked for, without a word: look at what they made of it. */
async function allowAtomic(transport: NatsTransport, bucket: string): Promise<boolean> {
  const manager = await jetstreamManager(transport.connection);
  const { config } = await manager.streams.update(`KV_${bucket}`, { allow_atomic: true });
  return config.allow_atomic === true;
}

/** For servers without atomic batches. */
class SingleWrites {
  readonly #jetstream: JetStreamClient;

  constructor(client: JetStreamClient) {
    this.#jetstream = client;
  }

  async write({ subject, data, expected }: Write): Promise<number> {
    const expect = expected === undefined ? {} : { expect: { lastSubjectSequence: expected } };
    return (await this.#jetstream.publish(subject, data, expect)).seq;
  }
}

interface Bucket {
  readonly transport: NatsTransport;
  readonly kv: KV;
  /** Of a key. */
  readonly subject: (key: string) => string;
  readonly writer: Pick<GroupCommit, 'write'>;
  /** Those of a filter that have messages, as the leader knows. */
  readonly subjects: (filter: string) => Promise<string[]>;
}

class NatsKeyValue implements KeyValue {
  readonly #transport: NatsTransport;
  readonly #kv: KV;
  readonly #subject: (key: string) => string;
  readonly #writer: Pick<GroupCommit, 'write'>;
  readonly #subjects: Bucket['subjects'];
  /** Calls that wait for an answer: what was asked before the connection is lost will not be answered. */
  readonly #unanswered = new Set<(error: GridError) => void>();

  constructor({ transport, kv, subject, writer, subjects }: Bucket) {
    this.#transport = transport;
    this.#kv = kv;
    this.#subject = subject;
    this.#writer = writer;
    this.#subjects = subjects;
    transport.onStatus((status) => {
      if (status === 'connected') return;
      for (const giveUp of this.#unanswered) giveUp(new TransportSuspended('waiting for an answer'));
    });
  }

  async get(key: string): Promise<KeyValueEntry | undefined> {
    const entry = await this.#call(`get ${key}`, () => this.#kv.get(key));
    return entry === null ? undefined : live(entry);
  }

  /** Not the client's own `create`, which may still write after the caller was told that it failed. */
  create(key: string, value: Uint8Array): Promise<number> {
    return this.#call(
      `create ${key}`,
      async () => {
        try {
          return await this.#write(key, value, 0);
        } catch (error) {
          if (!isWrongRevision(error)) throw error;
          const tombstone = await this.#kv.get(key);
          if (tombstone === null || live(tombstone) !== undefined) throw error;
          return await this.#write(key, value, tombstone.revision);
        }
      },
      () => new KeyExists(key),
    );
  }

  update(key: string, value: Uint8Array, revision: number): Promise<number> {
    return this.#call(
      `update ${key}`,
      () => this.#write(key, value, revision),
      () => new RevisionConflict(key, revision),
    );
  }

  put(key: string, value: Uint8Array): Promise<number> {
    return this.#call(`put ${key}`, () => this.#write(key, value, undefined));
  }

  delete(key: string, revision?: number): Promise<void> {
    return this.#call(
      `delete ${key}`,
      () => this.#kv.delete(key, revision === undefined ? {} : { previousSeq: revision }),
      () => new RevisionConflict(key, revision ?? 0),
    );
  }

  keys(filter: string, { orDeleted = false }: { readonly orDeleted?: boolean } = {}): Promise<string[]> {
    return this.#call(`keys ${filter}`, async () => {
      if (orDeleted) return await this.#listed(filter);
      const keys = new Set<string>();
      for await (const key of await this.#kv.keys(filter)) keys.add(key);
      for (const { key } of await this.#missed(filter, (key) => keys.has(key))) keys.add(key);
      return [...keys];
    });
  }

  entries(filter: string): Promise<KeyValueEntry[]> {
    return this.#call(`entries ${filter}`, async () => {
      const newest = new Map<string, KeyValueEntry | undefined>();
      for await (const entry of await this.#kv.history({ key: filter })) newest.set(entry.key, live(entry));
      const missed = await this.#missed(filter, (key) => newest.has(key));
      return [...newest.values(), ...missed].filter((entry) => entry !== undefined);
    });
  }

  /**
   * Reading goes through a consumer, and one on a server that has just come back may not see yet what is acknowledged
   * (2.9.10, three replicas). The leader's own list of subjects has it.
   */
  async #missed(filter: string, isKnown: (key: string) => boolean): Promise<KeyValueEntry[]> {
    const keys = (await this.#listed(filter)).filter((key) => !isKnown(key));
    const entries = await Promise.all(keys.map((key) => this.#kv.get(key)));
    return entries.flatMap((entry) => (entry === null ? [] : (live(entry) ?? [])));
  }

  /** As the leader has them: a fraction of what a consumer takes. */
  async #listed(filter: string): Promise<string[]> {
    const subjects = await this.#subjects(this.#subject(filter));
    return subjects.map((subject) => subject.slice(this.#subject('').length));
  }

  async watch(filter: string, handler: Parameters<KeyValue['watch']>[1]): ReturnType<KeyValue['watch']> {
    const changes = await this.#call(`watch ${filter}`, () => this.#kv.watch({ key: filter }));
    void (async () => {
      for await (const entry of changes) {
        const value = live(entry);
        if (value !== undefined) handler({ operation: 'put', ...value });
        else handler({ operation: 'delete', key: entry.key, revision: entry.revision });
      }
    })();
    return { stop: () => changes.stop() };
  }

  #write(key: string, data: Uint8Array, expected: number | undefined): Promise<number> {
    return this.#writer.write({ subject: this.#subject(key), data, expected });
  }

  /** Runs one call; a refused compare-and-set becomes `conflict`, anything unexpected `StoreUnavailable`. */
  async #call<T>(what: string, run: () => Promise<T>, conflict?: () => GridError): Promise<T> {
    const { status } = this.#transport;
    if (status === 'suspended') throw new TransportSuspended(what);
    if (status === 'closed') throw new TransportClosed(what);
    try {
      return await this.#answered(run());
    } catch (cause) {
      if (conflict !== undefined && isWrongRevision(cause)) throw conflict();
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

function live(entry: KvEntry): KeyValueEntry | undefined {
  if (entry.operation !== 'PUT') return undefined;
  return { key: entry.key, value: entry.value, revision: entry.revision };
}

function isWrongRevision(error: unknown): boolean {
  return (
    error instanceof JetStreamApiError &&
    (error.code === JetStreamApiCodes.StreamWrongLastSequence ||
      error.code === JetStreamApiCodes.StreamWrongLastSequenceUnknown)
  );
}
