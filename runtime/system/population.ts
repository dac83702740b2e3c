/** The actors of a node that are in memory, and those that rest: finds, wakes, creates and stops them. */
import type { Address } from '../address.ts';
import { setAlarm } from '../alarm.ts';
import {
  type AnyActorDefinition,
  Cell,
  type CellHooks,
  decodeRecord,
  fenceActor,
  type LiveActor,
  reviveSnapshot,
  storeKey,
} from '../cell/mod.ts';
import type { Clock } from '../clock.ts';
import type { SlotTenure } from '../cluster/mod.ts';
import { ActorExists, asGridError, type GridError, NoSuchActor, NotOwner } from '../errors.ts';
import type { Slot } from '../place.ts';
import type { KeyValue, KeyValueEntry } from '../store/mod.ts';

/** A kind that is known here. */
export interface Kind {
  readonly definition: AnyActorDefinition;
  readonly hooks: CellHooks;
}

/** Someone who lives here, or could. */
export interface Resident {
  readonly kind: Kind;
  readonly address: Address;
  readonly key: string;
  /** In a cluster: the right to run it. */
  readonly tenure: SlotTenure | undefined;
}

/** A live cell, or the snapshot of an actor that has finished. */
export type Found = Cell | { readonly finished: unknown };

export interface PopulationOptions {
  readonly store: KeyValue;
  readonly clock: Clock;
  /** Incarnation of the system. */
  readonly writer: string;
  /** Nobody could wake it. */
  readonly onUnwoken: (address: Address, error: GridError) => void;
}

/** A resting actor whose delayed transition is due while the store is away is woken this much later, ms. */
const WAKE_AGAIN = 1_000;

interface Resting {
  readonly slot: Slot | undefined;
  /** Ends the wait for its next delayed transition. */
  readonly cancel: (() => void) | undefined;
}

export class Population {
  readonly #options: PopulationOptions;
  readonly #cells = new Map<Address, { readonly cell: Cell; readonly resident: Resident }>();
  readonly #creating = new Map<Address, Promise<void>>();
  readonly #waking = new Map<Address, { readonly slot: Slot | undefined; readonly found: Promise<Found> }>();
  /** Actors that left memory at rest: stored, and no effect of theirs is due. */
  readonly #resting = new Map<Address, Resting>();
  /** Actors that failed too often: asked again, they fail at once until the system restarts. */
  readonly #halted = new Map<Address, GridError>();
  #stopping = false;

  constructor(options: PopulationOptions) {
    this.#options = options;
  }

  cell(address: Address): Cell | undefined {
    return this.#cells.get(address)?.cell;
  }

  halted(address: Address): GridError | undefined {
    return this.#halted.get(address);
  }

  /** True when it is in memory, coming there, or at rest. */
  has(address: Address): boolean {
    return this.#cells.has(address) || this.#waking.has(address) || this.#resting.has(address);
  }

  /** True when it left memory here, and comes back here with its next message. */
  rests(address: Address): boolean {
    return this.#resting.has(address);
  }

  /** Those in memory. */
  *cells(): IterableIterator<Cell> {
    for (const { cell } of this.#cells.values()) yield cell;
  }

  addresses(): IterableIterator<Address> {
    return this.#cells.keys();
  }

  /** Stored when this resolves. Throws `ActorExists`. */
  async create(resident: Resident, input: unknown, cause: string | undefined): Promise<void> {
    const { address } = resident;
    // Whether it exists is not known before an earlier attempt has ended, or who asks for it has found none.
    const earlier = (): Promise<unknown> | undefined =>
      this.#creating.get(address) ?? this.#waking.get(address)?.found;
    for (let attempt = earlier(); attempt !== undefined; attempt = earlier()) {
      await attempt.catch(() => undefined);
    }
    if (this.has(address)) throw new ActorExists(address);
    const created = this.#newCell(resident)
      .create(input, cause)
      .finally(() => this.#creating.delete(address));
    this.#creating.set(address, created);
    await created;
  }

  /** From the store, by its first message. Throws `NoSuchActor`, `SnapshotIncompatible` or why it was halted. */
  wake(resident: Resident): Promise<Found> {
    const { kind, address, key, tenure } = resident;
    const halted = this.#halted.get(address);
    if (halted !== undefined) return Promise.reject(halted);
    if (kind.definition.durability === 'volatile') return Promise.reject(new NoSuchActor(address));
    const running = this.#waking.get(address);
    if (running !== undefined) return running.found;
    const found = (async () => {
      const entry = await this.#options.store.get(storeKey(kind.definition, key));
      if (entry === undefined) throw new NoSuchActor(address);
      const ours = await this.#fence(resident, entry);
      return this.cell(address) ?? this.revive(resident, ours);
    })().finally(() => this.#waking.delete(address));
    this.#waking.set(address, { slot: tenure?.slot, found });
    return found;
  }

  /** As it is stored; in a cluster only after `wake` made it this node's. Throws `SnapshotIncompatible`. */
  revive(resident: Resident, entry: KeyValueEntry): Found {
    const { kind, address } = resident;
    const record = decodeRecord(address, entry.value);
    if (record.status === 'done') return { finished: reviveSnapshot(kind.definition, address, record) };
    const cell = this.#newCell(resident);
    cell.restore(entry, this.#arise(address) ? 'at rest' : 'interrupted');
    return cell;
  }

  /** A cell has ended. */
  left(actor: LiveActor, reason: string, error?: GridError): void {
    const { address } = actor;
    const known = this.#cells.get(address);
    if (known?.cell !== actor) return;
    this.#cells.delete(address);
    if (reason === 'passivated') this.#layToRest(actor, known.resident);
    if (reason === 'failed' && error !== undefined) this.#halted.set(address, error);
  }

  /** Out of memory, out of rest, no more halted. */
  async evict(address: Address): Promise<void> {
    await this.cell(address)?.stop();
    this.#halted.delete(address);
    this.#arise(address);
  }

  /** Lets the actors of a slot finish what they have and leave. */
  async vacate(slot: Slot): Promise<void> {
    await Promise.allSettled(this.#wakingIn(new Set([slot])));
    const stopped = [];
    for (const { cell, resident } of this.#cells.values())
      if (resident.tenure?.slot === slot) stopped.push(cell.stop());
    await Promise.all(stopped);
    this.#forget(new Set([slot]));
  }

  /** Ends the actors of these slots where they stand; messages that wait are for the next owner. */
  abandon(slots: ReadonlySet<Slot>): void {
    for (const { cell, resident } of [...this.#cells.values()])
      if (resident.tenure !== undefined && slots.has(resident.tenure.slot))
        cell.abandon(new NotOwner(cell.address));
    this.#forget(slots);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.allSettled([...this.#waking.values()].map(({ found }) => found));
    await Promise.all([...this.#cells.values()].map(({ cell }) => cell.stop()));
    for (const address of [...this.#resting.keys()]) this.#arise(address);
  }

  #newCell(resident: Resident): Cell {
    const { store, clock, writer } = this.#options;
    const { kind, address, key, tenure } = resident;
    const { definition, hooks } = kind;
    const cell = new Cell({ definition, address, key, store, clock, writer, hooks, tenure });
    this.#cells.set(address, { cell, resident });
    return cell;
  }

  /** Makes what an earlier owner stored this node's, so that the earlier owner can write no more. */
  async #fence({ address, tenure }: Resident, entry: KeyValueEntry): Promise<KeyValueEntry> {
    if (tenure === undefined) return entry;
    const { store, writer, clock } = this.#options;
    const ours = await fenceActor(store, address, entry, { tenure, writer, at: clock.now() });
    if (!tenure.holds()) throw new NotOwner(address);
    return ours;
  }

  #layToRest({ address, dueAt }: LiveActor, resident: Resident): void {
    const cancel = dueAt === undefined ? undefined : this.#wakeAt(dueAt, resident);
    this.#resting.set(address, { slot: resident.tenure?.slot, cancel });
  }

  #wakeAt(at: number, resident: Resident): () => void {
    const { clock, onUnwoken } = this.#options;
    const { address, tenure } = resident;
    return setAlarm(clock, at, () => {
      if (this.#stopping || !this.#resting.has(address)) return;
      this.wake(resident).catch((thrown) => {
        const error = asGridError(thrown);
        const resting = this.#resting.get(address);
        if (error.retryable && resting !== undefined) {
          const cancel = this.#wakeAt(clock.now() + WAKE_AGAIN, resident);
          this.#resting.set(address, { ...resting, cancel });
        } else if (tenure?.holds() !== false) onUnwoken(address, error);
      });
    });
  }

  /** True if the actor was at rest. */
  #arise(address: Address): boolean {
    this.#resting.get(address)?.cancel?.();
    return this.#resting.delete(address);
  }

  #wakingIn(slots: ReadonlySet<Slot>): Promise<Found>[] {
    return [...this.#waking.values()]
      .filter(({ slot }) => slot !== undefined && slots.has(slot))
      .map(({ found }) => found);
  }

  #forget(slots: ReadonlySet<Slot>): void {
    for (const [address, { slot }] of [...this.#resting])
      if (slot !== undefined && slots.has(slot)) this.#arise(address);
  }
}
