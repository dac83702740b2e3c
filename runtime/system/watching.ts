/** Actors that are watched: their owner's node tells each watcher what it has not seen, as soon as there is something. */
import { z } from 'zod';
import { type Address, addressOf } from '../address.ts';
import { Cell, decodeRecord, type LiveActor, reviveSnapshot, storeKey } from '../cell/mod.ts';
import type { Clock } from '../clock.ts';
import type { SlotTenure } from '../cluster/mod.ts';
import { malformed } from '../envelope.ts';
import {
  ActorFailed,
  ActorStopped,
  asGridError,
  Cancelled,
  DeadlineExceeded,
  type GridError,
  MalformedMessage,
  NoSuchActor,
  NotOwner,
  TransportClosed,
} from '../errors.ts';
import { placeOf, type Slot } from '../place.ts';
import type { KeyValue } from '../store/mod.ts';
import type { NO_ANSWER } from '../transport/mod.ts';
import type { Kind, Population, Resident } from './population.ts';

/** What a watcher is told. A token names what it has seen: given back, it is told again only of something else. */
export interface Sight {
  readonly token: string;
  /** As the definition shows the actor; left out when the token is the one that was given. */
  readonly view?: unknown;
  /** The actor is in a final state. */
  readonly final?: boolean;
}

export const sightSchema = z.object({
  token: z.string(),
  view: z.unknown().optional(),
  final: z.boolean().optional(),
});

/** Which slots are this node's: see `Tenancy`. */
interface Tenancy {
  tenure(slot: Slot): SlotTenure | undefined;
  turnAway(slot: Slot, address: Address, direct: boolean): typeof NO_ANSWER | undefined;
}

export interface WatchingOptions {
  readonly node: string;
  readonly store: KeyValue;
  readonly clock: Clock;
  /** Of the system. */
  readonly incarnation: string;
  readonly population: Population;
  /** Throws `UnknownKind`. */
  readonly kind: (name: string) => Kind;
  /** In a cluster. */
  readonly tenancy: () => Tenancy | undefined;
}

/** A watcher that has seen everything hears this much later that there is nothing new, ms: so it knows that its owner lives. */
export const RENEW_MS = 5_000;

export function watchSubject(address: Address, place: string): string {
  return `shadowgrid.watch.${address.replace('/', `.${place}.`)}`;
}

interface Watcher {
  readonly resolve: (sight: Sight) => void;
  readonly reject: (error: GridError) => void;
}

interface Watched {
  resident: Resident;
  /** Another one with each change. */
  token: string;
  readonly watchers: Set<Watcher>;
  /** Snapshot in a final state, after which a volatile actor is nowhere else. */
  final: unknown;
  /** When its last watcher was told something, ms since the epoch. */
  leftAt: number;
}

export class Watching {
  readonly #options: WatchingOptions;
  /** By address: it outlasts the actor's cell. */
  readonly #watched = new Map<Address, Watched>();
  #serial = 0;
  #sweep: unknown;
  #closed = false;

  constructor(options: WatchingOptions) {
    this.#options = options;
  }

  /** A request from another node. A promise only where there is something to wait for. */
  receive(body: unknown, subject: string): unknown {
    const { kind: kindOf, tenancy } = this.#options;
    const [, , name = '', , key = ''] = subject.split('.');
    const kind = kindOf(name);
    const address = addressOf(name, key);
    const place = placeOf(kind.definition.placement, address);
    if (watchSubject(address, place.token) !== subject) {
      throw new MalformedMessage(`watch: ${subject} is not where ${address} is watched`, {
        field: 'subject',
      });
    }
    const checked = request.safeParse(body);
    if (!checked.success) throw malformed(`watch ${address}`, checked.error);
    const unanswered = tenancy()?.turnAway(place.slot, address, false);
    if (unanswered !== undefined) return unanswered;
    const resident = { kind, address, key, tenure: tenancy()?.tenure(place.slot) };
    return this.look(resident, checked.data.seen, RENEW_MS);
  }

  /**
   * The actor as it is, unless `seen` is the token of that: then as it is after its next change, or the same token
   * after `waitMs`. Throws `NoSuchActor`, `NotOwner`, `ActorStopped`, `ActorFailed`, `SnapshotIncompatible`,
   * `DeadlineExceeded`, or what the store throws.
   */
  look(resident: Resident, seen: string | undefined, waitMs: number, signal?: AbortSignal): Promise<Sight> {
    const { clock, node } = this.#options;
    if (this.#closed) return Promise.reject(new TransportClosed(`node ${node}`));
    const watched = this.#watch(resident);
    return new Promise((resolve, reject) => {
      const settle = (outcome: () => void) => {
        if (!watched.watchers.delete(watcher)) return;
        clock.clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        watched.leftAt = clock.now();
        outcome();
      };
      const watcher: Watcher = {
        resolve: (sight) => settle(() => resolve(sight)),
        reject: (error) => settle(() => reject(error)),
      };
      const abort = () => watcher.reject(new Cancelled(`watch ${resident.address}`, signal?.reason));
      const timer = clock.setTimeout(() => {
        if (seen === watched.token) watcher.resolve({ token: seen });
        else watcher.reject(new DeadlineExceeded(`watch ${resident.address}`, waitMs));
      }, waitMs);
      watched.watchers.add(watcher);
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      // What happens while it is looked for is told to the watcher first, so that nothing old follows it.
      if (seen !== watched.token) this.#show(watched, watcher);
    });
  }

  /** The actor's snapshot is another one now, and stored. One look-up for an actor that nobody watches. */
  changed({ address, snapshot }: LiveActor): void {
    const watched = this.#watched.get(address);
    if (watched === undefined) return;
    watched.token = this.#nextToken();
    watched.final = isFinal(snapshot) ? snapshot : undefined;
    if (watched.watchers.size > 0) tell(watched, [...watched.watchers], snapshot);
  }

  /** The actor left memory and not to rest: those who look again find out what has become of it. */
  ended({ address }: LiveActor, reason: string, error: GridError): void {
    this.#forget(address, reason === 'failed' ? error : new ActorStopped(address, error));
  }

  removed(address: Address): void {
    this.#forget(address, new NoSuchActor(address));
  }

  /** These slots are another node's: there their actors are watched from now on. */
  release(slots: ReadonlySet<Slot>): void {
    for (const [address, { resident }] of [...this.#watched]) {
      const { tenure } = resident;
      if (tenure !== undefined && slots.has(tenure.slot)) this.#forget(address, new NotOwner(address));
    }
  }

  /** Watchers elsewhere wait for another owner; those here find out that this was their node. */
  close(): void {
    this.#closed = true;
    this.#options.clock.clearTimeout(this.#sweep);
    for (const address of [...this.#watched.keys()]) this.#forget(address, new NotOwner(address));
  }

  #watch(resident: Resident): Watched {
    const { address } = resident;
    const known = this.#watched.get(address);
    if (known !== undefined) {
      known.resident = resident;
      return known;
    }
    const watchers = new Set<Watcher>();
    const watched = { resident, token: this.#nextToken(), watchers, final: undefined, leftAt: 0 };
    this.#watched.set(address, watched);
    if (this.#sweep === undefined) this.#sweepLater();
    return watched;
  }

  #show(watched: Watched, watcher: Watcher): void {
    this.#find(watched).then(
      // There is none yet of an actor that is being made: it changes at once, or ends.
      (snapshot) => snapshot !== undefined && tell(watched, [watcher], snapshot),
      (error) => watcher.reject(asGridError(error)),
    );
  }

  /** Its snapshot: from memory, else from the store, without waking it where nobody else can write it. */
  async #find({ resident, final }: Watched): Promise<unknown> {
    const { population, store } = this.#options;
    const { address, key, kind, tenure } = resident;
    const cell = population.cell(address);
    if (cell !== undefined) return cell.snapshot;
    if (final !== undefined) return final;
    const halted = population.halted(address);
    if (halted !== undefined) throw halted;
    const { definition } = kind;
    if (tenure !== undefined && !population.rests(address)) {
      const found = await population.wake(resident);
      return found instanceof Cell ? found.snapshot : found.finished;
    }
    if (definition.durability === 'volatile') throw new NoSuchActor(address);
    const entry = await store.get(storeKey(definition, key));
    if (entry === undefined) throw new NoSuchActor(address);
    if (tenure?.holds() === false) throw new NotOwner(address);
    return reviveSnapshot(definition, address, decodeRecord(address, entry.value));
  }

  #forget(address: Address, reason: GridError): void {
    const watched = this.#watched.get(address);
    this.#watched.delete(address);
    for (const watcher of [...(watched?.watchers ?? [])]) watcher.reject(reason);
  }

  /** Watchers come back for more as soon as they have dealt with what they got: until then it is known what they saw. */
  #sweepLater(): void {
    const { clock } = this.#options;
    this.#sweep = clock.setTimeout(() => {
      const since = clock.now() - RENEW_MS;
      for (const [address, { watchers, leftAt }] of this.#watched)
        if (watchers.size === 0 && leftAt <= since) this.#watched.delete(address);
      this.#sweep = undefined;
      if (this.#watched.size > 0) this.#sweepLater();
    }, RENEW_MS);
  }

  #nextToken(): string {
    this.#serial += 1;
    return `${this.#options.incarnation}-${this.#serial.toString(36)}`;
  }
}

const request = z.object({ seen: z.string().optional() });

function tell({ resident, token }: Watched, watchers: readonly Watcher[], snapshot: unknown): void {
  const { kind, address } = resident;
  try {
    const view = kind.definition.view(snapshot);
    for (const { resolve } of watchers) resolve({ token, view, ...(isFinal(snapshot) && { final: true }) });
  } catch (error) {
    for (const { reject } of watchers) reject(new ActorFailed(address, error));
  }
}

function isFinal(snapshot: unknown): boolean {
  return (snapshot as { readonly status: string }).status !== 'active';
}
