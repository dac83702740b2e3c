/** Shards: the parts into which all actors are divided to be placed on nodes, and which of them an actor is in. */
import type { Address } from './address.ts';

/** Fixed for good: what is stored is found again by it. Some ten for each node of a large cluster. */
export const SHARDS = 256;

/** 0 to {@link SHARDS} - 1, the same everywhere and for ever. */
export function shardOf(address: Address): number {
  return stableHash(address) % SHARDS;
}

/** FNV-1a of the UTF-16 units, 32 bits, with the finalizer of MurmurHash3 so that all bits depend on all. Not for secrets. */
export function stableHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
