/** Where actors belong: a slot is what one node at a time owns, with every actor in it. */
import type { Address } from './address.ts';
import { SHARDS, shardOf } from './shard.ts';

/**
 * `group`: by their key, over all nodes that have registered a kind of this group.
 * `pinnedTo`: on the node whose attribute of this name is the actor's key, as a VM host's actor is on that host.
 */
export type Placement = { readonly group: string } | { readonly pinnedTo: string };

/** Name of a slot, which is its key in the cluster's bucket too. */
export type Slot = string;

export interface Place {
  readonly slot: Slot;
  /** In subjects and keys: the shard, or `pin`. */
  readonly token: string;
}

const PIN = 'pin';

export function placeOf(placement: Placement, address: Address): Place {
  if ('pinnedTo' in placement) {
    return { slot: pinSlot(placement.pinnedTo, address.slice(address.indexOf('/') + 1)), token: PIN };
  }
  let shards = groups.get(placement.group);
  if (shards === undefined) {
    shards = Array.from({ length: SHARDS }, (_, shard) => ({
      slot: shardSlot(placement.group, shard),
      token: String(shard),
    }));
    groups.set(placement.group, shards);
  }
  return shards[shardOf(address)]!;
}

/** The places of each group, made once: every message asks for one. */
const groups = new Map<string, readonly Place[]>();

export function shardSlot(group: string, shard: number): Slot {
  return `slot.${group}.${shard}`;
}

export function pinSlot(attribute: string, value: string): Slot {
  return `pin.${attribute}.${value}`;
}

export interface ParsedSlot {
  readonly kind: 'shard' | 'pin';
  /** Of a shard. */
  readonly group: string;
  /** Of a pin. */
  readonly attribute: string;
  /** Of the actors in it, in subjects and keys. */
  readonly token: string;
  /** The key of the only actor of each kind in it; `*` in a shard. */
  readonly keys: string;
}

export function parseSlot(slot: Slot): ParsedSlot {
  const [kind = '', name = '', rest = ''] = slot.split('.');
  if (kind === PIN) return { kind: 'pin', group: '', attribute: name, token: PIN, keys: rest };
  return { kind: 'shard', group: name, attribute: '', token: rest, keys: '*' };
}
