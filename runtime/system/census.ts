/** The actors of a kind, wherever each is kept: in memory, at rest, finished, halted or parked. */
import { addressOf } from '../address.ts';
import {
  type AnyActorDefinition,
  actorKey,
  Cell,
  decodeRecord,
  reviveSnapshot,
  storeFilter,
  storeKey,
} from '../cell/mod.ts';
import { asGridError, type GridError } from '../errors.ts';
import type { KeyValue } from '../store/mod.ts';
import type { Kind, Population } from './population.ts';
import type { ActorDescription, ResumeReport } from './port.ts';

export interface CensusWiring {
  readonly store: KeyValue;
  readonly population: Population;
  /** Throws `UnknownKind`. */
  readonly kind: (name: string) => Kind;
}

export class Census {
  readonly #wiring: CensusWiring;

  constructor(wiring: CensusWiring) {
    this.#wiring = wiring;
  }

  /** Without a cluster: everything that is stored and not finished. */
  async resume(definition: AnyActorDefinition): Promise<ResumeReport> {
    const kind = this.#wiring.kind(definition.kind);
    const resumed: string[] = [];
    const finished: string[] = [];
    const parked: { key: string; error: GridError }[] = [];
    for (const entry of await this.#wiring.store.entries(storeFilter(definition.kind))) {
      const key = actorKey(entry.key);
      const address = addressOf(definition.kind, key);
      if (this.#wiring.population.has(address)) continue;
      try {
        const found = this.#wiring.population.revive({ kind, address, key, tenure: undefined }, entry);
        (found instanceof Cell ? resumed : finished).push(key);
      } catch (error) {
        parked.push({ key, error: error as GridError });
      }
    }
    return { resumed, finished, parked };
  }

  actors(definition: AnyActorDefinition): string[] {
    const prefix = `${definition.kind}/`;
    return [...this.#wiring.population.addresses()]
      .filter((address) => address.startsWith(prefix))
      .map((a) => a.slice(prefix.length));
  }

  async stored(definition: AnyActorDefinition): Promise<{ key: string; snapshot: unknown }[]> {
    const { population } = this.#wiring;
    const found = new Map<string, unknown>();
    if (definition.durability === 'durable') {
      for (const entry of await this.#wiring.store.entries(storeFilter(definition.kind))) {
        const key = actorKey(entry.key);
        const address = addressOf(definition.kind, key);
        if (this.#wiring.population.cell(address) !== undefined) continue;
        try {
          found.set(key, reviveSnapshot(definition, address, decodeRecord(address, entry.value)));
        } catch {
          // Parked: `resume` has reported it.
        }
      }
    }
    for (const key of this.actors(definition))
      found.set(key, population.cell(addressOf(definition.kind, key))?.snapshot);
    return [...found]
      .filter(([, snapshot]) => snapshot !== undefined)
      .map(([key, snapshot]) => ({ key, snapshot }));
  }

  async keys(definition: AnyActorDefinition): Promise<string[]> {
    const keys = new Set(this.actors(definition));
    if (definition.durability === 'durable') {
      for (const stored of await this.#wiring.store.keys(storeFilter(definition.kind))) {
        keys.add(actorKey(stored));
      }
    }
    return [...keys].sort();
  }

  async describe(definition: AnyActorDefinition, key: string): Promise<ActorDescription | undefined> {
    const address = addressOf(definition.kind, key);
    const cell = this.#wiring.population.cell(address);
    if (cell !== undefined) {
      const snapshot = cell.snapshot as ActorDescription['snapshot'];
      return { address, standing: 'live', snapshot, timers: cell.timers, cell: cell.report() };
    }
    const error = this.#wiring.population.halted(address);
    const halted = error && { address, standing: 'halted' as const, snapshot: undefined, timers: [], error };
    if (definition.durability === 'volatile') return halted;
    const entry = await this.#wiring.store.get(storeKey(definition, key));
    if (entry === undefined) return halted;
    try {
      const record = decodeRecord(address, entry.value);
      const snapshot = reviveSnapshot(definition, address, record);
      if (halted !== undefined) return { ...halted, snapshot };
      const standing = record.status === 'done' ? 'finished' : 'resting';
      return { address, standing, snapshot, timers: record.timers ?? [] };
    } catch (unreadable) {
      return { address, standing: 'parked', snapshot: undefined, timers: [], error: asGridError(unreadable) };
    }
  }
}
