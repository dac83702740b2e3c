/** The simulated driver of the KeyValue port: one truth, which each node reaches over its connection. */
import type { KeyValue, KeyValueChange, KeyValueWatch } from '../store/mod.ts';
import { Bucket, type Watcher } from './bucket.ts';
import type { Connection, Session } from './connection.ts';
import { Pipe } from './pipe.ts';
import type { SimulatedProcess } from './process.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import { Client, type SimulatedServer } from './server.ts';

/** As the JetStream driver. */
const TIMEOUT_MS = 5_000;

export interface SimulatedStoreOptions {
  readonly scheduler: Scheduler;
  readonly server: SimulatedServer;
  readonly random: Random;
  /** Milliseconds from a change until it is on its way to those who watch. */
  readonly lag: (random: Random) => number;
  /** Told of every write's revision. */
  readonly observe: (revision: number) => void;
}

export class SimulatedStore {
  readonly #buckets = new Map<string, Bucket>();
  readonly #options: SimulatedStoreOptions;

  constructor(options: SimulatedStoreOptions) {
    this.#options = options;
  }

  /** What is really stored, for what checks the nodes. */
  bucket(name: string): Bucket {
    const existing = this.#buckets.get(name);
    if (existing !== undefined) return existing;
    const bucket = new Bucket();
    bucket.watch({ filter: '>', changed: ({ revision }) => this.#options.observe(revision) });
    this.#buckets.set(name, bucket);
    return bucket;
  }

  /** A bucket as a node sees it. */
  open(name: string, connection: Connection, process: SimulatedProcess): KeyValue {
    const bucket = this.bucket(name);
    const client = new Client(this.#options.server, connection, process, TIMEOUT_MS);
    return {
      get: (key) => client.call(`get ${key}`, () => bucket.get(key)),
      create: (key, value) => {
        const copy = value.slice();
        return client.call(`create ${key}`, () => bucket.create(key, copy));
      },
      update: (key, value, revision) => {
        const copy = value.slice();
        return client.call(`update ${key}`, () => bucket.update(key, copy, revision));
      },
      put: (key, value) => {
        const copy = value.slice();
        return client.call(`put ${key}`, () => bucket.put(key, copy));
      },
      delete: (key, revision) => client.call(`delete ${key}`, () => bucket.delete(key, revision)),
      keys: (filter) => client.call(`keys ${filter}`, () => bucket.entries(filter).map(({ key }) => key)),
      entries: (filter) => client.call(`entries ${filter}`, () => bucket.entries(filter)),
      watch: (filter, handler) => this.#watch(bucket, client, connection, filter, handler),
    };
  }

  /** Goes on in the next session where the one before left off: what was on its way then is sent again. */
  async #watch(
    bucket: Bucket,
    client: Client,
    connection: Connection,
    filter: string,
    handler: (change: KeyValueChange) => void,
  ): Promise<KeyValueWatch> {
    let seen = 0;
    let current: Session | undefined;
    let standing = false;
    let stopped = false;
    let unfollow = () => {};
    const receive = (session: Session, change: KeyValueChange) => {
      // Before the answer comes only what follows an answer that was lost.
      if (!standing || stopped || session !== current) return;
      seen = change.revision;
      handler(change);
    };
    const follow = (session: Session) => {
      if (stopped || !session.open || session === current) return;
      current = session;
      unfollow = this.#follow(bucket, session, filter, seen, (change) => receive(session, change));
    };
    const end = connection.onStatus((status) => {
      if (status === 'connected' && current !== undefined) connection.up(follow);
    });
    const stop = () => {
      stopped = true;
      end();
      connection.up(() => unfollow());
    };
    try {
      await client.call(`watch ${filter}`, () => follow(connection.session));
      standing = true;
    } catch (error) {
      stop();
      throw error;
    }
    return { stop };
  }

  /** At the broker: what is there after `revision`, then every change, until the session ends. */
  #follow(
    bucket: Bucket,
    session: Session,
    filter: string,
    revision: number,
    send: (change: KeyValueChange) => void,
  ): () => void {
    const { scheduler, random, lag } = this.#options;
    const lagging = new Pipe(
      scheduler,
      () => lag(random),
      (work) => session.down.send(work),
    );
    const watcher: Watcher = { filter, changed: (change) => lagging.send(() => send(change)) };
    for (const change of bucket.since(filter, revision)) {
      if (revision > 0 || change.operation === 'put') watcher.changed(change);
    }
    bucket.watch(watcher);
    const unfollow = () => bucket.unwatch(watcher);
    session.onEnd(unfollow);
    return unfollow;
  }
}
