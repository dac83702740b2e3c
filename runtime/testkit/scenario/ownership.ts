/** Sees from outside which nodes own which actors: never two at a time, and nothing takes effect where its owner is not. */
import { decode } from '../../codec.ts';
import { placeOf, type Slot } from '../../place.ts';
import type { ActorSystem } from '../../system/mod.ts';
import type { Simulation } from '../simulation.ts';
import { TARGETS, type Target } from './ledger.ts';

export interface OwnershipOptions {
  readonly simulation: Simulation;
  /** Name of the cluster's bucket. */
  readonly bucket: string;
  readonly accuse: (what: string) => void;
  /** For people who read what happened. */
  readonly tell: (who: string, what: string) => void;
}

/** What of the cluster's records is read here. */
interface Lease {
  readonly node: string;
  readonly epoch: number;
  readonly state: string;
}

interface Given {
  readonly owner: { readonly node: string; readonly epoch: number } | null;
  readonly generation: number;
}

const SLOTS = ['slot.main.*', 'pin.rack.*'];
/** Virtual milliseconds between two looks at everything. */
const LOOK_MS = 500;

export class Ownership {
  readonly #options: OwnershipOptions;
  readonly #systems = new Map<string, { readonly system: ActorSystem; readonly incarnation: number }>();
  readonly #bySlot = new Map<Slot, Target[]>();
  /** Actors that were given to a node: looked at after each event until it has them. */
  readonly #moving = new Map<Target, string>();
  readonly #leases = new Map<string, string>();
  /** Entries that took effect, by address. */
  readonly #effects = new Map<string, number>();
  #nextLook = 0;

  constructor(options: OwnershipOptions) {
    this.#options = options;
    const { simulation, bucket } = options;
    for (const target of TARGETS) {
      const { slot } = placeOf(target.definition.placement, target.address as never);
      this.#bySlot.set(slot, [...(this.#bySlot.get(slot) ?? []), target]);
    }
    const watch = (filter: string, changed: (key: string, value: Uint8Array) => void) =>
      simulation.bucket(bucket).watch({
        filter,
        changed: (change) => {
          if (change.operation === 'put') changed(change.key, change.value);
        },
      });
    for (const filter of SLOTS) watch(filter, (slot, value) => this.#given(slot, value));
    watch('node.*', (_key, value) => this.#leased(value));
    simulation.onSettled(() => this.#look());
  }

  /** A life of a node has begun; a node that leaves is taken out by `undefined`. */
  enter(name: string, system: ActorSystem | undefined): void {
    if (system === undefined) this.#systems.delete(name);
    else this.#systems.set(name, { system, incarnation: this.#options.simulation.node(name).incarnation });
  }

  /** Systems of nodes that run right now. */
  get running(): ActorSystem[] {
    return [...this.#systems.keys()].flatMap((name) => this.#current(name) ?? []);
  }

  /** An effect is being carried out: the actor's list had become so long. */
  effect(node: string, target: Target, length: number): void {
    const { accuse } = this.#options;
    const owners = this.#owners(target);
    const others = owners.filter((owner) => owner !== node);
    if (!owners.includes(node)) accuse(`${node} acts for ${target.address}, which it does not own`);
    if (others.length > 0) accuse(`${node} acts for ${target.address}, which ${others.join(', ')} owns`);
    const before = this.#effects.get(target.address) ?? 0;
    if (length <= before) accuse(`${target.address} has entry ${length} after entry ${before} took effect`);
    this.#effects.set(target.address, Math.max(before, length));
  }

  /** What runs at a node right now. */
  #current(name: string): ActorSystem | undefined {
    const { simulation } = this.#options;
    if (simulation.statusOf(name) !== 'running') return undefined;
    const life = this.#systems.get(name);
    return life?.incarnation === simulation.node(name).incarnation ? life.system : undefined;
  }

  #leased(value: Uint8Array): void {
    const { node, epoch, state } = decode(value) as Lease;
    const standing = `lease ${epoch} is ${state}`;
    if (this.#leases.get(node) === standing) return;
    this.#leases.set(node, standing);
    this.#options.tell(node, standing);
  }

  #given(slot: Slot, value: Uint8Array): void {
    const { owner, generation } = decode(value) as Given;
    for (const target of this.#bySlot.get(slot) ?? []) {
      const to = owner === null ? 'nobody' : `${owner.node} (lease ${owner.epoch})`;
      this.#options.tell(target.address, `given to ${to}, generation ${generation}`);
      if (owner === null) this.#moving.delete(target);
      else this.#moving.set(target, owner.node);
    }
  }

  #look(): void {
    const { simulation } = this.#options;
    if (simulation.elapsed >= this.#nextLook) {
      this.#nextLook = simulation.elapsed + LOOK_MS;
      for (const target of TARGETS) this.#check(target);
      return;
    }
    for (const [target, heir] of this.#moving) {
      if (this.#current(heir)?.owns(target.definition, target.key) !== true) continue;
      this.#moving.delete(target);
      this.#check(target);
    }
  }

  #check(target: Target): void {
    const owners = this.#owners(target);
    if (owners.length > 1) this.#options.accuse(`${target.address} is owned by ${owners.join(' and ')}`);
  }

  #owners({ definition, key }: Target): string[] {
    const owners = [];
    for (const name of this.#systems.keys())
      if (this.#current(name)?.owns(definition, key)) owners.push(name);
    return owners;
  }
}
