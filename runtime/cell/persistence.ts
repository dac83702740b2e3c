/** Keeps one actor's snapshot in the store by compare-and-set, through outages, and notices another owner. */
import type { Address } from '../address.ts';
import type { Clock } from '../clock.ts';
import { encode } from '../codec.ts';
import { ActorExists, Cancelled, GridError, KeyExists, NoSuchActor, RevisionConflict } from '../errors.ts';
import type { KeyValue, KeyValueEntry } from '../store/mod.ts';
import type { AnyActorDefinition } from './definition.ts';
import { encodeRecord, storeKey } from './record.ts';

/** What of an XState snapshot persistence looks at. */
export interface MachineState {
  readonly status: string;
  readonly value: unknown;
  readonly context: unknown;
}

export interface PersistenceOptions {
  readonly definition: AnyActorDefinition;
  readonly address: Address;
  /** The actor's, within its kind. */
  readonly key: string;
  readonly store: KeyValue;
  readonly clock: Clock;
  /** Incarnation of the system. */
  readonly writer: string;
}

export class Persistence {
  readonly #options: PersistenceOptions;
  readonly #key: string;
  #revision = 0;
  #writes = 0;
  /** What was stored, to tell whether anything worth storing has changed. */
  #stored: Uint8Array = new Uint8Array();
  readonly #givenUp = new AbortController();

  constructor(options: PersistenceOptions) {
    this.#options = options;
    this.#key = storeKey(options.definition.kind, options.key);
  }

  /** First write. Throws {@link ActorExists}, or what the store throws. */
  async create(state: MachineState, persisted: unknown): Promise<void> {
    const { store, address, definition } = this.#options;
    const snapshot = encode(persisted);
    try {
      this.#revision = await store.create(this.#key, this.#record(state, snapshot));
    } catch (error) {
      throw error instanceof KeyExists ? new ActorExists(address) : error;
    }
    this.#stored = this.#essence(state, definition.hasProjection ? undefined : snapshot);
  }

  /** Starts from what is stored. */
  adopt(entry: KeyValueEntry, state: MachineState, persisted: () => unknown): void {
    this.#revision = entry.revision;
    this.#stored = this.#essence(
      state,
      this.#options.definition.hasProjection ? undefined : encode(persisted()),
    );
  }

  /**
   * Stores the snapshot unless nothing worth it has changed; true when something was written.
   * Waits out a store that is not available. Throws {@link RevisionConflict} when someone else wrote.
   */
  async save(
    state: MachineState,
    persisted: () => unknown,
    options: { readonly force?: boolean } = {},
  ): Promise<boolean> {
    const { store, definition } = this.#options;
    const early = definition.hasProjection ? undefined : encode(persisted());
    const essence = this.#essence(state, early);
    if (sameBytes(essence, this.#stored) && !options.force) return false;
    const record = this.#record(state, early ?? encode(persisted()));
    let unsure = false;
    this.#revision = await this.#persevering(async () => {
      try {
        return await store.update(this.#key, record, this.#revision);
      } catch (error) {
        // A write that was not confirmed may be the one we now conflict with.
        if (error instanceof RevisionConflict && unsure) {
          const entry = await store.get(this.#key);
          if (entry !== undefined && sameBytes(entry.value, record)) return entry.revision;
        }
        unsure = true;
        throw error;
      }
    });
    this.#stored = essence;
    return true;
  }

  /** What is stored now; waits out a store that is not available. Throws {@link NoSuchActor}. */
  async load(): Promise<KeyValueEntry> {
    const { store, address } = this.#options;
    const entry = await this.#persevering(() => store.get(this.#key));
    if (entry === undefined) throw new NoSuchActor(address);
    return entry;
  }

  /** Calls that wait for the store fail instead from now on. */
  giveUp(): void {
    this.#givenUp.abort();
  }

  #record(state: MachineState, snapshot: Uint8Array): Uint8Array {
    const { definition, writer, clock } = this.#options;
    this.#writes += 1;
    return encodeRecord({
      version: definition.snapshotVersion,
      writer,
      write: this.#writes,
      at: clock.now(),
      status: state.status,
      snapshot,
    });
  }

  #essence(state: MachineState, snapshot: Uint8Array | undefined): Uint8Array {
    if (snapshot !== undefined) return snapshot;
    return encode([state.status, state.value, this.#options.definition.project(state.context)]);
  }

  async #persevering<T>(run: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await run();
      } catch (error) {
        if (!(error instanceof GridError) || !error.retryable || this.#givenUp.signal.aborted) throw error;
        await this.#pause(Math.min(1_000, 20 * 2 ** Math.min(attempt, 10)), error);
      }
    }
  }

  #pause(delayMs: number, reason: Error): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#givenUp;
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        clock.clearTimeout(timer);
        reject(new Cancelled(`store of ${this.#key}`, reason));
      };
      const timer = clock.setTimeout(() => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      }, delayMs);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
