/** Keeps the slots that this node should own, by compare-and-set on one record each, and gives away those it should not. */
import type { Clock } from '../clock.ts';
import { asGridError, KeyExists, RevisionConflict } from '../errors.ts';
import { pause } from '../persevere.ts';
import type { Slot } from '../place.ts';
import type { KeyValue, KeyValueEntry, KeyValueWatch } from '../store/mod.ts';
import { type ClusterView, decideSlot, type SlotAction, wantedOwner } from './decide.ts';
import type { Lease } from './lease.ts';
import {
  decodeSlot,
  encodeSlot,
  type LeaseRecord,
  type Owner,
  SLOT_FILTERS,
  type SlotRecord,
} from './records.ts';
import { within } from './time.ts';

/** The right to run the actors of one slot. */
export interface SlotTenure {
  readonly slot: Slot;
  readonly generation: number;
  /** False from the moment on at which another node may own it. */
  holds(): boolean;
}

export interface PlacementOptions {
  readonly store: KeyValue;
  readonly clock: Clock;
  readonly lease: Lease;
  /** A write that takes longer counts as unconfirmed: its slot must not go without an owner for it. */
  readonly patienceMs: number;
  /** Every slot that this node might own. */
  readonly slots: readonly Slot[];
  readonly view: () => ClusterView;
  /** The slot is this node's from now on. */
  readonly onGained: (tenure: SlotTenure) => void;
  /** Resolves when nothing of the slot runs here any more, and nobody here is asked for it. */
  readonly release: (slot: Slot) => Promise<void>;
  readonly onTrouble: (error: unknown) => void;
}

interface Known {
  readonly record: SlotRecord;
  readonly revision: number;
}

interface Held extends SlotTenure {
  over: boolean;
}

/** Slots that are taken at once. */
const AT_ONCE = 32;
/** Slots that are given away at once: those under way answer nobody, so few at a time. */
const GIVEN_AT_ONCE = 8;

export class Placement {
  readonly #options: PlacementOptions;
  readonly #known = new Map<Slot, Known>();
  readonly #held = new Map<Slot, Held>();
  readonly #busy = new Set<Slot>();
  /** Slots of which a write of ours was not confirmed: it may still arrive, until the next one that does. */
  readonly #doubtful = new Set<Slot>();
  readonly #ended = new AbortController();
  #watches: KeyValueWatch[] = [];
  #waiters: (() => void)[] = [];
  /** Slots to look at. */
  readonly #due = new Set<Slot>();
  #planned = false;
  /** Slots that are being given away. */
  #giving = 0;
  /** Who should own what among these members. */
  readonly #wanted = new Map<Slot, Owner | undefined>();
  #members: readonly LeaseRecord[] = [];

  constructor(options: PlacementOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { store, onTrouble } = this.#options;
    for (const filter of SLOT_FILTERS) {
      const watch = await store.watch(filter, (change) => {
        if (change.operation === 'put' && this.#note(change)) this.#lookAt(change.key);
      });
      this.#watches.push(watch);
    }
    if (this.#ended.signal.aborted) return this.stop();
    await this.refresh().catch(onTrouble);
    this.reconcile();
  }

  async refresh(): Promise<void> {
    const read = SLOT_FILTERS.map((filter) => this.#options.store.entries(filter));
    for (const entries of await Promise.all(read))
      for (const entry of entries) if (this.#note(entry)) this.#due.add(entry.key);
    // What could not be done before is tried again as well.
    this.#lookSoon();
  }

  stop(): void {
    this.#ended.abort();
    for (const watch of this.#watches) watch.stop();
    this.dropAll();
  }

  /** The lease has ended: nothing is ours. Returns what was. */
  dropAll(): Slot[] {
    const slots = [...this.#held.keys()];
    for (const slot of slots) this.#drop(slot);
    return slots;
  }

  tenure(slot: Slot): SlotTenure | undefined {
    return this.#held.get(slot);
  }

  held(): Slot[] {
    return [...this.#held.keys()];
  }

  owner(slot: Slot): Owner | undefined {
    return this.#known.get(slot)?.record.owner ?? undefined;
  }

  /** Resolves when this node holds nothing any more. */
  async emptied(): Promise<void> {
    while (this.#held.size + this.#busy.size > 0) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  /** Looks at every slot, before long; call when members, or what they may own, have changed. */
  reconcile(): void {
    for (const slot of this.#options.slots) this.#due.add(slot);
    this.#lookSoon();
  }

  #lookAt(slot: Slot): void {
    this.#due.add(slot);
    this.#lookSoon();
  }

  #lookSoon(): void {
    if (this.#planned) return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      this.#look();
    });
  }

  #look(): void {
    const { lease, view } = this.#options;
    if (!lease.holds() || this.#ended.signal.aborted) return;
    const current = view();
    if (current.members !== this.#members) {
      this.#members = current.members;
      this.#wanted.clear();
    }
    for (const slot of this.#due) {
      if (this.#busy.size >= AT_ONCE) return;
      if (this.#busy.has(slot)) continue;
      const state = { slot, record: this.#known.get(slot)?.record, held: this.#held.has(slot) };
      const action = decideSlot({ ...state, wanted: this.#wantedOwner(slot) }, current);
      const gives = action?.type === 'hand-over';
      if (gives && this.#giving >= GIVEN_AT_ONCE) continue;
      this.#due.delete(slot);
      if (action === undefined) continue;
      this.#busy.add(slot);
      if (gives) this.#giving += 1;
      void this.#carryOut(slot, action)
        .catch((error) => this.#options.onTrouble(error))
        .finally(() => {
          this.#busy.delete(slot);
          if (gives) this.#giving -= 1;
          this.#tell();
          this.#lookAt(slot);
        });
    }
  }

  #wantedOwner(slot: Slot): Owner | undefined {
    if (!this.#wanted.has(slot)) this.#wanted.set(slot, wantedOwner(slot, this.#members));
    return this.#wanted.get(slot);
  }

  async #carryOut(slot: Slot, action: NonNullable<SlotAction>): Promise<void> {
    const { lease } = this.#options;
    const known = this.#known.get(slot);
    if (action.type === 'hand-over') return this.#handOver(slot, known, action.to);
    if (action.type === 'adopt' && known !== undefined && !this.#doubtful.has(slot)) {
      return this.#gain(slot, known.record.generation, lease.epoch);
    }
    const { epoch } = lease;
    const generation = await this.#write(slot, known, lease.owner);
    if (generation !== undefined) this.#gain(slot, generation, epoch);
  }

  #gain(slot: Slot, generation: number, epoch: number): void {
    const { lease, onGained } = this.#options;
    if (!lease.holds() || lease.epoch !== epoch || this.#held.has(slot)) return;
    const held: Held = {
      slot,
      generation,
      over: false,
      holds: () => !held.over && lease.epoch === epoch && lease.holds(),
    };
    this.#held.set(slot, held);
    onGained(held);
  }

  /** By the record that made it ours: what somebody else has written since then, when the lease was lost, stands. */
  async #handOver(slot: Slot, ours: Known | undefined, to: Owner | null): Promise<void> {
    const { lease, release } = this.#options;
    const { epoch } = lease;
    await release(slot);
    if (lease.epoch !== epoch) return;
    this.#drop(slot);
    await this.#write(slot, ours, to);
  }

  #drop(slot: Slot): void {
    const held = this.#held.get(slot);
    if (held !== undefined) held.over = true;
    this.#held.delete(slot);
    this.#tell();
  }

  /** A new owner instead of the known one; its generation, or undefined when somebody else was faster or it is not known what came of it. */
  async #write(slot: Slot, known: Known | undefined, owner: Owner | null): Promise<number | undefined> {
    const { store, clock, patienceMs } = this.#options;
    const record: SlotRecord = { v: 1, owner, generation: (known?.record.generation ?? 0) + 1 };
    const value = encodeSlot(record);
    try {
      const written =
        known === undefined ? store.create(slot, value) : store.update(slot, value, known.revision);
      const revision = await within(clock, patienceMs, written);
      this.#doubtful.delete(slot);
      this.#note({ key: slot, value, revision });
      return record.generation;
    } catch (error) {
      if (!(error instanceof RevisionConflict || error instanceof KeyExists)) {
        this.#doubtful.add(slot);
        await pause(clock, RETRY_MS, this.#ended.signal);
        if (!asGridError(error).retryable) throw error;
      }
      const entry = await within(clock, patienceMs, store.get(slot)).catch(() => undefined);
      if (entry !== undefined) this.#note(entry);
      return undefined;
    }
  }

  /** True when it is news. */
  #note({ key, value, revision }: KeyValueEntry): boolean {
    const known = this.#known.get(key);
    if (known !== undefined && known.revision >= revision) return false;
    try {
      this.#known.set(key, { record: decodeSlot(key, value), revision });
    } catch (error) {
      this.#options.onTrouble(error);
      return false;
    }
    return true;
  }

  #tell(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }
}

const RETRY_MS = 100;
