/** The actors of a system as lists and as single views, wherever each of them is kept. */
import { type Address, parseAddress } from '../address.ts';
import type { AnyActorDefinition } from '../cell/mod.ts';
import { NoSuchActor, UnknownKind } from '../errors.ts';
import type { ActorDescription, ActorSystem } from '../system/mod.ts';
import { chartOf, delayOf } from './chart.ts';
import type { ActorPage, ActorRow, ActorView, NodeView } from './messages.ts';
import { toPlain } from './plain.ts';

const DEFAULT_LIMIT = 200;
/** Descriptions read from the store at once. */
const AT_ONCE = 32;

export function viewNode(system: ActorSystem): NodeView {
  const kinds = system.definitions().map((definition) => ({
    kind: definition.kind,
    durability: definition.durability,
    live: system.actors(definition).length,
    chart: chartOf(definition.machine).hash,
  }));
  return { node: system.node, kinds };
}

/** In order of address. Throws {@link UnknownKind}. */
export async function listActors(
  system: ActorSystem,
  { kind, limit = DEFAULT_LIMIT, after = '' }: { kind?: string; limit?: number; after?: string },
): Promise<ActorPage> {
  const definitions = kind === undefined ? system.definitions() : [definitionOf(system, kind)];
  const places: { definition: AnyActorDefinition; key: string; address: string }[] = [];
  for (const definition of definitions) {
    for (const key of await system.keys(definition)) {
      const address = `${definition.kind}/${key}`;
      if (address > after) places.push({ definition, key, address });
    }
  }
  places.sort((a, b) => (a.address < b.address ? -1 : 1));
  const page = places.slice(0, limit);
  const actors: ActorRow[] = [];
  for (let i = 0; i < page.length; i += AT_ONCE) {
    const some = page.slice(i, i + AT_ONCE).map(({ definition, key }) => system.describe(definition, key));
    // One may have been removed since it was listed.
    for (const found of await Promise.all(some)) if (found !== undefined) actors.push(rowOf(found));
  }
  const last = page.at(-1);
  return {
    actors,
    ...(last !== undefined && places.length > limit && { next: last.address as Address }),
  };
}

/** Throws {@link UnknownKind} or {@link NoSuchActor}. */
export async function viewActor(system: ActorSystem, address: string): Promise<ActorView> {
  const { kind, key } = parseAddress(address);
  const definition = definitionOf(system, kind);
  const found = await system.describe(definition, key);
  if (found === undefined) throw new NoSuchActor(address);
  const { value: context, cut } = toPlain(found.snapshot?.context);
  return {
    ...rowOf(found),
    node: system.node,
    durability: definition.durability,
    restarts: definition.restarts,
    timers: found.timers.map(({ event, dueAt }) => ({
      after: delayOf(definition.machine, event.type),
      dueAt,
    })),
    ...(found.snapshot !== undefined && { context }),
    cut,
    chart: chartOf(definition.machine).hash,
  };
}

/** Throws {@link UnknownKind}. */
export function definitionOf(system: ActorSystem, kind: string): AnyActorDefinition {
  const definition = system.definitions().find((one) => one.kind === kind);
  if (definition === undefined) throw new UnknownKind(kind);
  return definition;
}

function rowOf({ address, standing, snapshot, cell, error }: ActorDescription): ActorRow {
  return {
    address,
    standing,
    ...(snapshot !== undefined && { state: snapshot.value }),
    ...(cell !== undefined && { cell }),
    ...(error !== undefined && { error: error.toWire() }),
  };
}
