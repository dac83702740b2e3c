/** Keeps one actor's snapshot in the store by compare-and-set, through outages, and notices another owner. */
import { encode } from '../codec.ts';
import { ActorExists, KeyExists, NoSuchActor, RevisionConflict } from '../errors.ts';
import { persevere } from '../persevere.ts';
import type { KeyValueEntry } from '../store/mod.ts';
import { type CommandMark, type CommandPosition, markApplied, wasApplied } from './command-mark.ts';
import type { PendingTimer } from './interpreter.ts';
import type { MachineState } from './machine-state.ts';
import { encodeRecord, type StoredRecord, storeKey } from './record.ts';
import type { CellOptions } from './wiring.ts';

export type PersistenceOptions = Omit<CellOptions, 'hooks'>;

/** An actor as far as it is stored: see `Interpreter`. */
interface Storable {
  readonly state: MachineState;
  pending(): readonly PendingTimer[];
  persisted(): unknown;
}

export class Persistence {
  readonly #options: PersistenceOptions;
  readonly #key: string;
  #revision = 0;
  #writes = 0;
  /** What was stored, to tell whether anything worth storing has changed. */
  #stored = NOTHING;
  /** The snapshot that this was. */
  #state: MachineState | undefined;
  #timers: readonly PendingTimer[] = NO_TIMERS;
  #commands: CommandMark | undefined;
  readonly #givenUp = new AbortController();

  constructor(options: PersistenceOptions) {
    this.#options = options;
    this.#key = storeKey(options.definition, options.key);
  }

  /** First write. Throws {@link ActorExists}, or what the store throws. */
  async create(actor: Storable): Promise<void> {
    const { state } = actor;
    const timers = actor.pending();
    const { store, address } = this.#options;
    const snapshot = encode(actor.persisted());
    try {
      this.#revision = await store.create(this.#key, this.#record(state, snapshot, timers));
    } catch (error) {
      throw error instanceof KeyExists ? new ActorExists(address) : error;
    }
    this.#note(state, timers, this.#hasProjection ? undefined : snapshot);
  }

  /** Starts from what is stored. */
  adopt(entry: KeyValueEntry, record: StoredRecord, actor: Storable): void {
    this.#revision = entry.revision;
    this.#commands = record.commands;
    this.#note(actor.state, actor.pending(), this.#hasProjection ? undefined : encode(actor.persisted()));
  }

  /** True when the command was applied before, and stored. */
  applied(command: CommandPosition): boolean {
    return wasApplied(this.#commands, command);
  }

  /** True when the actor is as it is stored. */
  holds(actor: Storable): boolean {
    // A state that was entered again is the same, but its timers start anew.
    return actor.state === this.#state && equalTimers(actor.pending(), this.#timers);
  }

  /**
   * Stores the snapshot, with the command that it comes of, unless nothing worth it has changed; true when something
   * was written.
   * Waits out a store that is not available. Throws {@link RevisionConflict} when someone else wrote.
   */
  async save(
    actor: Storable,
    options: { readonly force?: boolean; readonly command?: CommandPosition | undefined } = {},
  ): Promise<boolean> {
    const { store } = this.#options;
    const { command } = options;
    const { state } = actor;
    const timers = actor.pending();
    const early = this.#hasProjection ? undefined : encode(actor.persisted());
    const unchanged =
      equalTimers(timers, this.#timers) && sameBytes(this.#essence(state, early), this.#stored);
    if (unchanged && command === undefined && !options.force) return false;
    const commands = command === undefined ? this.#commands : markApplied(this.#commands, command);
    const record = this.#record(state, early ?? encode(actor.persisted()), timers, commands);
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
    this.#commands = commands;
    this.#note(state, timers, early);
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

  #record(
    state: MachineState,
    snapshot: Uint8Array,
    timers: readonly PendingTimer[],
    commands?: CommandMark,
  ): Uint8Array {
    const { definition, writer, clock, tenure } = this.#options;
    this.#writes += 1;
    return encodeRecord({
      version: definition.snapshotVersion,
      writer,
      write: this.#writes,
      at: clock.now(),
      status: state.status,
      snapshot,
      ...(tenure !== undefined && { fence: tenure.generation }),
      ...(commands !== undefined && { commands }),
      ...(timers.length > 0 && { timers }),
    });
  }

  get #hasProjection(): boolean {
    return this.#options.definition.hasProjection;
  }

  #note(state: MachineState, timers: readonly PendingTimer[], snapshot: Uint8Array | undefined): void {
    this.#state = state;
    this.#timers = timers;
    this.#stored = this.#essence(state, snapshot);
  }

  #essence(state: MachineState, snapshot: Uint8Array | undefined): Uint8Array {
    if (snapshot !== undefined) return snapshot;
    return encode([state.status, state.value, this.#options.definition.project(state.context)]);
  }

  #persevering<T>(run: () => Promise<T>): Promise<T> {
    const { clock } = this.#options;
    return persevere(run, { clock, pauseMs: backOff, signal: this.#givenUp.signal });
  }
}

/** 20 ms doubling to 1 s. */
const backOff = (attempt: number) => Math.min(1_000, 20 * 2 ** Math.min(attempt - 1, 10));

const NOTHING: Uint8Array = new Uint8Array();
const NO_TIMERS: readonly PendingTimer[] = [];

function equalTimers(a: readonly PendingTimer[], b: readonly PendingTimer[]): boolean {
  return a.length === b.length && a.every(({ id, dueAt }, i) => id === b[i]?.id && dueAt === b[i]?.dueAt);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
