/** What this node does with the slots it owns in a cluster: serves them, resumes their actors, moves out in order. */
import { type Address, addressOf } from '../address.ts';
import { actorKey, storeFilter } from '../cell/mod.ts';
import type { Clock } from '../clock.ts';
import { Cluster, type ClusterOptions, type SlotTenure } from '../cluster/mod.ts';
import { asGridError, type GridError, InvalidCluster, Misdirected, NoSuchActor } from '../errors.ts';
import { persevere } from '../persevere.ts';
import { parseSlot, pinSlot, placeOf, type Slot, shardSlot } from '../place.ts';
import { SHARDS } from '../shard.ts';
import type { KeyValue } from '../store/mod.ts';
import { type Mux, NO_ANSWER, type Subscription, type Transport } from '../transport/mod.ts';
import type { Couriers } from './couriers.ts';
import type { Kind, Population, Resident } from './population.ts';
import type { FailureReport } from './port.ts';
import type { Watching } from './watching.ts';

export interface TenancyOptions {
  readonly transport: Transport;
  readonly store: KeyValue;
  readonly clock: Clock;
  readonly node: string;
  readonly incarnation: string;
  readonly cluster: ClusterOptions;
  readonly mux: Mux;
  readonly kinds: ReadonlyMap<string, Kind>;
  readonly population: Population;
  readonly couriers: Couriers | undefined;
  readonly watching: Watching;
  readonly receive: (body: unknown, subject: string, direct: boolean) => unknown;
  readonly onFailure?: ((report: FailureReport) => void) | undefined;
  readonly onTrouble?: ((error: GridError) => void) | undefined;
}

/** The group of slots that are partitions of durable commands. */
const COURIERS = 'couriers';
/** Slots of which the actors are asked for slot by slot, rather than all there are. */
const FEW = 32;
/** Actors that are resumed at once. */
const AT_ONCE = 32;

export class Tenancy {
  readonly #options: TenancyOptions;
  readonly #served = new Map<Slot, Subscription[]>();
  /** Slots that this node is moving out of. */
  readonly #leaving = new Set<Slot>();
  /** Slots whose actors are to be resumed. */
  #arrived: SlotTenure[] = [];
  #resuming = false;
  #cluster: Cluster | undefined;

  constructor(options: TenancyOptions) {
    this.#options = options;
  }

  get cluster(): Cluster | undefined {
    return this.#cluster;
  }

  refuseWhenJoined(kind: string): void {
    if (this.#cluster === undefined) return;
    throw new InvalidCluster('register', `${kind} before join(): a node says what it can run when it joins`);
  }

  async join(): Promise<void> {
    if (this.#cluster !== undefined) return;
    const { cluster, transport, clock, node, incarnation, onTrouble } = this.#options;
    this.#cluster = new Cluster({
      ...cluster,
      transport,
      clock,
      node,
      incarnation,
      ...this.#reach(),
      onGained: (tenure) => this.#moveIn(tenure),
      release: (slot) => this.#moveOut(slot),
      onLost: (slots, reason) => this.#evicted(slots, reason),
      onTrouble: (error) => onTrouble?.(error),
    });
    await this.#cluster.join();
  }

  /** What this node could own, by what is registered here. */
  #reach(): { readonly groups: string[]; readonly slots: Slot[] } {
    const { kinds, cluster, couriers } = this.#options;
    const groups = new Map<string, number>();
    const pinned = new Set<Slot>();
    for (const { definition } of kinds.values()) {
      const { placement } = definition;
      if ('group' in placement) groups.set(placement.group, SHARDS);
      else {
        const value = cluster.attributes?.[placement.pinnedTo];
        if (value !== undefined) pinned.add(pinSlot(placement.pinnedTo, value));
      }
    }
    if (couriers !== undefined) groups.set(COURIERS, couriers.partitions);
    const slots = [...groups].flatMap(([group, count]) =>
      Array.from({ length: count }, (_, shard) => shardSlot(group, shard)),
    );
    return { groups: [...groups.keys()], slots: [...slots, ...pinned] };
  }

  /** Gives every slot to others. */
  async leave(): Promise<void> {
    await this.#cluster?.leave();
    for (const slot of [...this.#served.keys()]) this.#unserve(slot);
  }

  tenure(slot: Slot): SlotTenure | undefined {
    return this.#cluster?.tenure(slot);
  }

  /** True while messages for the slot's actors are handled here. */
  lives(slot: Slot): boolean {
    return !this.#leaving.has(slot) && this.tenure(slot)?.holds() === true;
  }

  /**
   * For a message from elsewhere that does not belong here: throws `Misdirected`, or returns what keeps it unanswered,
   * when somebody else may have got it too and will answer. Undefined for one that does belong here.
   */
  turnAway(slot: Slot, address: Address, direct: boolean): typeof NO_ANSWER | undefined {
    if (this.lives(slot)) return undefined;
    // Only this node got it, if it came directly, or came while nobody else owned the slot.
    if (direct || this.tenure(slot)?.holds()) throw new Misdirected(address);
    return NO_ANSWER;
  }

  #moveIn(tenure: SlotTenure): void {
    const { mux, receive, couriers, watching } = this.#options;
    const { slot } = tenure;
    const { group, token, keys } = parseSlot(slot);
    if (group === COURIERS) {
      couriers?.start(Number(token), tenure);
      return;
    }
    const subscriptions = this.#kindsIn(slot).flatMap(({ definition: { kind } }) => [
      mux.serve(
        `shadowgrid.actor.${kind}.${token}.${keys}`,
        (body, { subject, direct }) => receive(body, subject, direct),
        { direct: true },
      ),
      mux.serve(`shadowgrid.watch.${kind}.${token}.${keys}`, (body, { subject }) =>
        watching.receive(body, subject),
      ),
    ]);
    this.#served.set(slot, subscriptions);
    this.#arrived.push(tenure);
    if (!this.#resuming) void this.#resume();
  }

  /** Nobody is sent here any more; then what is here finishes what it has. */
  async #moveOut(slot: Slot): Promise<void> {
    const { population, couriers, watching } = this.#options;
    const { group, token } = parseSlot(slot);
    if (group === COURIERS) return await couriers?.stop(Number(token));
    this.#leaving.add(slot);
    try {
      const served = this.#served.get(slot) ?? [];
      this.#served.delete(slot);
      // What the server had sent before it knew is answered: nobody else has got it.
      await Promise.all(served.map((subscription) => subscription.drain()));
      await population.vacate(slot);
    } finally {
      watching.release(new Set([slot]));
      this.#leaving.delete(slot);
    }
  }

  #evicted(slots: readonly Slot[], reason: GridError): void {
    const { population, onTrouble, couriers, watching } = this.#options;
    void couriers?.stopAll();
    population.abandon(new Set(slots));
    watching.release(new Set(slots));
    for (const slot of slots) this.#unserve(slot);
    onTrouble?.(reason);
  }

  #unserve(slot: Slot): void {
    for (const subscription of this.#served.get(slot) ?? []) subscription.unsubscribe();
    this.#served.delete(slot);
  }

  /** Actors with something to do must not wait for somebody to ask. Slots come in crowds: one reading for all. */
  async #resume(): Promise<void> {
    this.#resuming = true;
    while (this.#arrived.length > 0) {
      const tenures = new Map(this.#arrived.splice(0).map((tenure) => [tenure.slot, tenure]));
      for (const kind of this.#options.kinds.values()) {
        // Slots that are lost meanwhile, or a kind that cannot be read, must not keep others from being resumed.
        await this.#resumeKind(kind, tenures).catch((error) => this.#options.onTrouble?.(asGridError(error)));
      }
    }
    this.#resuming = false;
  }

  async #resumeKind(kind: Kind, tenures: ReadonlyMap<Slot, SlotTenure>): Promise<void> {
    const { definition } = kind;
    if (definition.durability === 'volatile') return;
    const residents: Resident[] = [];
    for (const stored of await this.#storedIn(kind, tenures)) {
      const key = actorKey(stored);
      const address = addressOf(definition.kind, key);
      const tenure = tenures.get(placeOf(definition.placement, address).slot);
      if (tenure !== undefined) residents.push({ kind, address, key, tenure });
    }
    const next = async () => {
      for (let resident = residents.pop(); resident !== undefined; resident = residents.pop()) {
        await this.#resumeOne(resident, tenures);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
  }

  /** Keys of the kind's actors, of these slots at least; removed ones may be among them. */
  async #storedIn({ definition }: Kind, tenures: ReadonlyMap<Slot, SlotTenure>): Promise<string[]> {
    const places = [...tenures.keys()]
      .map((slot) => parseSlot(slot))
      .filter(({ group }) => group !== COURIERS);
    const filters =
      places.length > FEW
        ? [storeFilter(definition.kind)]
        : places.map(({ token, keys }) => storeFilter(definition.kind, token, keys));
    const lists = filters.map((filter) =>
      this.#persevering(tenures, (store) => store.keys(filter, { orDeleted: true })),
    );
    return (await Promise.all(lists)).flat();
  }

  async #resumeOne(resident: Resident, tenures: ReadonlyMap<Slot, SlotTenure>): Promise<void> {
    const { population, onFailure } = this.#options;
    const { address, tenure } = resident;
    try {
      await this.#persevering(tenures, async () => {
        const living = tenure?.holds() && !population.has(address);
        if (living) await population.wake(resident);
      });
    } catch (error) {
      const removed = error instanceof NoSuchActor;
      if (tenure?.holds() && !removed)
        onFailure?.({ address, error: asGridError(error), outcome: 'stopped' });
    }
  }

  /** Waits out a store that is away, as long as any of the slots is still ours. */
  #persevering<T>(tenures: ReadonlyMap<Slot, SlotTenure>, run: (store: KeyValue) => Promise<T>): Promise<T> {
    const { store, clock } = this.#options;
    return persevere(() => run(store), {
      clock,
      pauseMs: () => 250,
      goesOn: () => [...tenures.values()].some((tenure) => tenure.holds()),
    });
  }

  #kindsIn(slot: Slot): Kind[] {
    const { kind, group, attribute } = parseSlot(slot);
    return [...this.#options.kinds.values()].filter(({ definition: { placement } }) =>
      kind === 'pin'
        ? 'pinnedTo' in placement && placement.pinnedTo === attribute
        : 'group' in placement && placement.group === group,
    );
  }
}
