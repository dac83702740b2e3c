/** What the cluster's bucket holds: a lease for each node, an owner for each slot. */
import { z } from 'zod';
import { decode, encode } from '../codec.ts';
import { MalformedMessage } from '../errors.ts';

const nodeState = z.enum(['live', 'draining', 'left', 'dead']);

const leaseRecord = z.object({
  v: z.literal(1),
  node: z.string(),
  /** Of one start of the process. */
  incarnation: z.string(),
  /** Counts the leases of a node of this name: one that was lost never comes back under the same epoch. */
  epoch: z.number().int().positive(),
  /** `draining`: gives its slots away. `left`: of itself. `dead`: another node found its lease expired. */
  state: nodeState,
  /** Groups of kinds whose shards it takes. */
  groups: z.array(z.string()),
  /** What kinds may be pinned to. */
  attributes: z.record(z.string(), z.string()),
  ttlMs: z.number().positive(),
  /** Counts renewals: makes each one a new revision. */
  beat: z.number(),
});

export type LeaseRecord = z.infer<typeof leaseRecord>;

/** One lease of one node. */
export interface Owner {
  readonly node: string;
  readonly epoch: number;
}

const slotRecord = z.object({
  v: z.literal(1),
  /** Null: free. */
  owner: z.object({ node: z.string(), epoch: z.number() }).nullable(),
  /** Counts changes of ownership. */
  generation: z.number().int().positive(),
});

export type SlotRecord = z.infer<typeof slotRecord>;

export const leaseKey = (node: string) => `node.${node}`;
export const LEASES = 'node.*';
/** Slots are keys by themselves: see `place.ts`. */
export const SLOT_FILTERS = ['slot.*.*', 'pin.*.*'] as const;

export function encodeLease(record: Omit<LeaseRecord, 'v'>): Uint8Array {
  return encode({ v: 1, ...record });
}

export function encodeSlot(record: Omit<SlotRecord, 'v'>): Uint8Array {
  return encode({ v: 1, ...record });
}

/** Throws {@link MalformedMessage}. */
export function decodeLease(key: string, bytes: Uint8Array): LeaseRecord {
  return checked(leaseRecord, key, bytes);
}

/** Throws {@link MalformedMessage}. */
export function decodeSlot(key: string, bytes: Uint8Array): SlotRecord {
  return checked(slotRecord, key, bytes);
}

function checked<T>(schema: z.ZodType<T>, key: string, bytes: Uint8Array): T {
  const result = schema.safeParse(decode(bytes));
  if (result.success) return result.data;
  throw new MalformedMessage(`cluster: ${key} is not what this version writes`, {
    field: key,
    cause: result.error,
  });
}
