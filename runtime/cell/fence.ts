/** Makes a stored actor the present owner's: from then on an earlier owner's writes are refused. */
import type { Address } from '../address.ts';
import { NoSuchActor, NotOwner, RevisionConflict } from '../errors.ts';
import type { KeyValue, KeyValueEntry } from '../store/mod.ts';
import { decodeRecord, encodeRecord } from './record.ts';
import type { Tenure } from './wiring.ts';

export interface FenceOptions {
  readonly tenure: Tenure;
  readonly writer: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/**
 * Writes the owner's generation into what is stored, unless it is there. Throws `NotOwner` when a later owner did,
 * `NoSuchActor`, `SnapshotIncompatible`, or what the store throws.
 */
export async function fenceActor(
  store: KeyValue,
  address: Address,
  entry: KeyValueEntry,
  { tenure, writer, at }: FenceOptions,
): Promise<KeyValueEntry> {
  const { generation } = tenure;
  for (let { key, value, revision } = entry; ; ) {
    const record = decodeRecord(address, value);
    const { fence = 0 } = record;
    if (fence === generation) return { key, value, revision };
    if (fence > generation) throw new NotOwner(address);
    const fenced = encodeRecord({ ...record, fence: generation, writer, at, write: 0 });
    try {
      return { key, value: fenced, revision: await store.update(key, fenced, revision) };
    } catch (error) {
      // The earlier owner's last write came first, or it is our own that was not confirmed.
      if (!(error instanceof RevisionConflict)) throw error;
      const current = await store.get(key);
      if (current === undefined) throw new NoSuchActor(address);
      ({ value, revision } = current);
    }
  }
}
