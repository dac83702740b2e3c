/** One node's part in a cluster: holds a lease, knows the others, owns slots; comes back by itself after losing its lease. */
import type { Clock } from '../clock.ts';
import { asGridError, type GridError, InvalidCluster } from '../errors.ts';
import { persevere } from '../persevere.ts';
import type { Slot } from '../place.ts';
import type { KeyValue } from '../store/mod.ts';
import type { Transport } from '../transport/mod.ts';
import type { ClusterView } from './decide.ts';
import { Heartbeats } from './heartbeats.ts';
import { Lease } from './lease.ts';
import { Membership } from './membership.ts';
import { Placement, type SlotTenure } from './placement.ts';
import type { LeaseRecord, Owner } from './records.ts';
import { elapsed, within } from './time.ts';

export interface ClusterOptions {
  /** A bucket for leases and owners alone; with R3 it needs `ttlMs` beyond an election of a leader, 10 000 or more. */
  readonly store: KeyValue;
  /** A node that does not renew its lease for this long has lost its actors. Default 10 000. */
  readonly ttlMs?: number;
  /** Of heartbeats, which raise suspicion only. Default 1000. */
  readonly heartbeatMs?: number;
  /** What kinds may be pinned to: `{ host: 'h1' }`. Names `[a-z][a-z0-9-]{0,31}`, values `[A-Za-z0-9_-]{1,128}`. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** False: leases do not fence. Only for simulations that show what goes wrong then. */
  readonly fencing?: boolean;
}

export interface ClusterWiring extends ClusterOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly node: string;
  readonly incarnation: string;
  /** Whose shards this node takes. */
  readonly groups: readonly string[];
  /** All that this node might own: of its groups, and what is pinned to it. */
  readonly slots: readonly Slot[];
  readonly onGained: (tenure: SlotTenure) => void;
  readonly release: (slot: Slot) => Promise<void>;
  /** The lease was lost: whatever ran in these slots must stop at once. */
  readonly onLost: (slots: readonly Slot[], reason: GridError) => void;
  readonly onTrouble: (error: GridError) => void;
}

export interface MemberReport {
  readonly node: string;
  readonly epoch: number;
  readonly state: 'live' | 'draining';
  readonly suspect: boolean;
  readonly slots: number;
  readonly attributes: Readonly<Record<string, string>>;
}

export class Cluster {
  readonly #wiring: ClusterWiring;
  readonly #ttlMs: number;
  readonly #slots: readonly Slot[];
  readonly #lease: Lease;
  readonly #membership: Membership;
  readonly #placement: Placement;
  readonly #ended = new AbortController();
  #leaving = false;
  #heartbeats: Heartbeats | undefined;
  #refreshing: unknown;
  #others: { of: readonly LeaseRecord[]; without: readonly LeaseRecord[] } | undefined;

  constructor(wiring: ClusterWiring) {
    checkAttributes(wiring.attributes ?? {});
    const { store, clock, node, incarnation, groups, attributes = {}, ttlMs = 10_000 } = wiring;
    this.#slots = wiring.slots;
    this.#wiring = wiring;
    this.#ttlMs = ttlMs;
    const onTrouble = (error: unknown) => wiring.onTrouble(asGridError(error));
    this.#lease = new Lease({
      store,
      clock,
      node,
      incarnation,
      groups,
      attributes,
      ttlMs,
      fencing: wiring.fencing ?? true,
      onLost: (reason) => void this.#lost(reason),
    });
    this.#membership = new Membership({ store, clock, node, onTrouble, onChange: () => this.#changed() });
    this.#placement = new Placement({
      store,
      clock,
      lease: this.#lease,
      slots: this.#slots,
      patienceMs: ttlMs / 4,
      view: () => this.#view(),
      onGained: wiring.onGained,
      release: wiring.release,
      onTrouble,
    });
  }

  /** Resolves with the lease; slots follow. Waits for a lease of the same name, and for the store. */
  async join(): Promise<void> {
    const { transport, clock, node, heartbeatMs = 1_000 } = this.#wiring;
    await this.#lease.acquire(this.#ended.signal);
    this.#heartbeats = new Heartbeats({
      transport,
      clock,
      node,
      everyMs: heartbeatMs,
      onChange: () => this.#changed(),
    });
    await this.#persevering(() => this.#membership.start());
    await this.#persevering(() => this.#placement.start());
    this.#refreshLater();
  }

  tenure(slot: Slot): SlotTenure | undefined {
    return this.#placement.tenure(slot);
  }

  /** Slots that run here. */
  held(): Slot[] {
    return this.#placement.held();
  }

  /** As this node knows. */
  owner(slot: Slot): Owner | undefined {
    return this.#placement.owner(slot);
  }

  /** True when every slot that this node might own runs here or, as it knows, on another member. */
  get settled(): boolean {
    return this.#slots.every((slot) => {
      const owner = this.#placement.owner(slot);
      if (owner === undefined || !this.#membership.mayLive(owner)) return false;
      return owner.node !== this.#wiring.node || this.#placement.tenure(slot)?.holds() === true;
    });
  }

  /** Ms until the lease ends unless it is renewed. */
  get leaseMargin(): number {
    return this.#lease.margin;
  }

  members(): MemberReport[] {
    const counts = new Map<string, number>();
    for (const slot of this.#slots) {
      const node = this.#placement.owner(slot)?.node;
      if (node !== undefined) counts.set(node, (counts.get(node) ?? 0) + 1);
    }
    return this.#membership.members().map(({ node, epoch, state, attributes }) => ({
      node,
      epoch,
      state: state === 'draining' ? 'draining' : 'live',
      suspect: this.#heartbeats?.isSuspect(node) ?? false,
      slots: counts.get(node) ?? 0,
      attributes,
    }));
  }

  /** Gives every slot to others and then the lease back; after `ttlMs` it goes without. */
  async leave(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#leaving = true;
    const { clock } = this.#wiring;
    try {
      if (this.#lease.holds()) {
        await within(clock, this.#ttlMs, this.#handAllOver());
        await this.#lease.release();
      }
    } catch (error) {
      this.#wiring.onTrouble(asGridError(error));
    }
    this.forsake();
  }

  /** Ends it without a word to anybody. */
  forsake(): void {
    this.#ended.abort();
    this.#wiring.clock.clearTimeout(this.#refreshing);
    this.#lease.forsake();
    this.#heartbeats?.stop();
    this.#membership.stop();
    this.#placement.stop();
  }

  async #handAllOver(): Promise<void> {
    await this.#lease.drain();
    this.#placement.reconcile();
    await this.#placement.emptied();
  }

  async #lost(reason: GridError): Promise<void> {
    const { onLost, onTrouble } = this.#wiring;
    onLost(this.#placement.dropAll(), reason);
    if (this.#leaving) return;
    try {
      await this.#lease.acquire(this.#ended.signal);
      this.#placement.reconcile();
    } catch (error) {
      if (!this.#ended.signal.aborted) onTrouble(asGridError(error));
    }
  }

  #changed(): void {
    this.#placement.reconcile();
  }

  #view(): ClusterView {
    const { node } = this.#wiring;
    const members = this.#membership.members();
    const draining = this.#lease.draining;
    if (draining && this.#others?.of !== members) {
      this.#others = { of: members, without: members.filter((member) => member.node !== node) };
    }
    return {
      self: this.#lease.owner,
      draining,
      members: draining ? this.#others!.without : members,
      isSuspect: (name) => this.#heartbeats?.isSuspect(name) ?? false,
      mayLive: (owner) => this.#membership.mayLive(owner),
    };
  }

  /** Watches may fall behind, above all when servers of a cluster come and go. */
  #refreshLater(): void {
    if (this.#ended.signal.aborted) return;
    const { clock } = this.#wiring;
    this.#refreshing = clock.setTimeout(() => {
      const read = Promise.all([this.#membership.refresh(), this.#placement.refresh()]);
      // What cannot be read now is read the next time.
      read.catch(() => undefined).finally(() => this.#refreshLater());
    }, this.#ttlMs);
  }

  #persevering(run: () => Promise<void>): Promise<void> {
    const { clock } = this.#wiring;
    const until = elapsed(clock) + this.#ttlMs;
    return persevere(run, {
      clock,
      pauseMs: () => this.#ttlMs / 20,
      goesOn: () => elapsed(clock) < until,
      signal: this.#ended.signal,
    });
  }
}

function checkAttributes(attributes: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) {
      throw new InvalidCluster(`attributes.${name}`, 'a name: a lower-case letter, then a-z, 0-9 and -');
    }
    if (!/^[A-Za-z0-9_-]{1,128}$/.test(value)) {
      throw new InvalidCluster(`attributes.${name}`, '1 to 128 of A-Z, a-z, 0-9, _ and -');
    }
  }
}
