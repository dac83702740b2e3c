/** The stored form of an actor: its snapshot, the version of its shape, and which write this was. */
import { z } from 'zod';
import { type Address, addressOf } from '../address.ts';
import { decode, encode } from '../codec.ts';
import { SnapshotIncompatible } from '../errors.ts';
import { placeOf } from '../place.ts';
import { type CommandMark, commandMark } from './command-mark.ts';
import type { AnyActorDefinition, StoredState } from './definition.ts';
import { type PendingTimer, pendingTimer, restoreState } from './interpreter.ts';
import type { MachineState } from './machine-state.ts';

export interface StoredRecord {
  readonly version: number;
  /** Incarnation of the system that wrote it, and its count: makes every write different. */
  readonly writer: string;
  readonly write: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Generation of the slot of who wrote it: an older owner writes no more. Left out where there is no cluster. */
  readonly fence?: number | undefined;
  /** How far it has come with its durable commands; left out where it was given none. */
  readonly commands?: CommandMark | undefined;
  /** Of the snapshot: `done` actors are not started again. */
  readonly status: string;
  /** XState's persisted snapshot, encoded. */
  readonly snapshot: Uint8Array;
  /** Delayed transitions of the machine; left out where there are none. */
  readonly timers?: readonly PendingTimer[] | undefined;
}

/** Key of an actor in the store: `actor.KIND.PLACE.KEY`. */
export function storeKey({ kind, placement }: AnyActorDefinition, key: string): string {
  return storeFilter(kind, placeOf(placement, addressOf(kind, key)).token, key);
}

/** The filter for actors of a kind: `*` for all places, all keys. */
export function storeFilter(kind: string, place = '*', key = '*'): string {
  return `actor.${kind}.${place}.${key}`;
}

/** The actor's key, from its key in the store. */
export function actorKey(stored: string): string {
  return stored.slice(stored.lastIndexOf('.') + 1);
}

export function encodeRecord(record: StoredRecord): Uint8Array<ArrayBuffer> {
  return encode({ v: 1, ...record });
}

/** Throws {@link SnapshotIncompatible}. */
export function decodeRecord(address: Address, bytes: Uint8Array): StoredRecord {
  const checked = schema.safeParse(decode(bytes));
  if (checked.success) return checked.data;
  throw new SnapshotIncompatible(address, 'what is stored is not an actor', checked.error);
}

/** The machine's snapshot made from a record. Throws {@link SnapshotIncompatible}. */
export function reviveSnapshot(
  definition: AnyActorDefinition,
  address: Address,
  record: StoredRecord,
): MachineState {
  const snapshot = migrated(definition, address, record);
  try {
    return restoreState(definition.machine, snapshot);
  } catch (error) {
    throw new SnapshotIncompatible(address, error instanceof Error ? error.message : String(error), error);
  }
}

/** The stored snapshot in the shape of the definition's version, one migration after the other. */
function migrated(definition: AnyActorDefinition, address: Address, record: StoredRecord): unknown {
  const { snapshotVersion, migrations } = definition;
  let snapshot = decode(record.snapshot) as StoredState;
  if (record.version > snapshotVersion) {
    const reason = `it is of version ${record.version}, from the future of the definition's ${snapshotVersion}`;
    throw new SnapshotIncompatible(address, reason);
  }
  for (let version = record.version; version < snapshotVersion; version++) {
    const migrate = migrations[version];
    if (migrate === undefined) {
      const reason = `it is of version ${record.version}, the definition of ${snapshotVersion}, and there is no migration from ${version}`;
      throw new SnapshotIncompatible(address, reason);
    }
    try {
      snapshot = { ...snapshot, ...migrate({ value: snapshot.value, context: snapshot.context }) };
    } catch (cause) {
      throw new SnapshotIncompatible(address, `its migration from version ${version} failed`, cause);
    }
  }
  return snapshot;
}

const schema = z.object({
  v: z.literal(1),
  version: z.number(),
  writer: z.string(),
  write: z.number(),
  at: z.number(),
  fence: z.number().optional(),
  commands: commandMark.optional(),
  status: z.string(),
  snapshot: z.instanceof(Uint8Array),
  timers: z.array(pendingTimer).optional(),
});
