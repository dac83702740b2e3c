/** The stored form of an actor: its snapshot, the version of its shape, and which write this was. */
import { type AnyStateMachine, createActor, type SnapshotFrom } from 'xstate';
import { z } from 'zod';
import type { Address } from '../address.ts';
import { decode, encode } from '../codec.ts';
import { SnapshotIncompatible } from '../errors.ts';
import type { AnyActorDefinition } from './definition.ts';

export interface StoredRecord {
  readonly version: number;
  /** Incarnation of the system that wrote it, and its count: makes every write different. */
  readonly writer: string;
  readonly write: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Of the snapshot: `done` actors are not started again. */
  readonly status: string;
  /** XState's persisted snapshot, encoded. */
  readonly snapshot: Uint8Array;
}

/** Key of an actor in the store; with `*` the filter for all of a kind. */
export function storeKey(kind: string, key: string): string {
  return `actor.${kind}.${key}`;
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

/** An XState actor made from a record, not started. Throws {@link SnapshotIncompatible}. */
export function reviveActor(
  definition: AnyActorDefinition,
  address: Address,
  record: StoredRecord,
  options: NonNullable<Parameters<typeof createActor<AnyStateMachine>>[1]> = {},
) {
  if (record.version !== definition.snapshotVersion) {
    const reason = `it is of version ${record.version}, the definition of ${definition.snapshotVersion}`;
    throw new SnapshotIncompatible(address, reason);
  }
  const actor = createActor(definition.machine, {
    ...options,
    snapshot: decode(record.snapshot) as SnapshotFrom<AnyStateMachine>,
  });
  const snapshot: { status: string; error?: unknown } = actor.getSnapshot();
  if (snapshot.status === 'error') {
    const reason = snapshot.error instanceof Error ? snapshot.error.message : 'the machine refuses it';
    throw new SnapshotIncompatible(address, reason, snapshot.error);
  }
  return actor;
}

const schema = z.object({
  v: z.literal(1),
  version: z.number(),
  writer: z.string(),
  write: z.number(),
  at: z.number(),
  status: z.string(),
  snapshot: z.instanceof(Uint8Array),
});
