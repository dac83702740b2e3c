/** Who should own a slot, and what this node does about it: pure. */
import { parseSlot, type Slot } from '../place.ts';
import { stableHash } from '../shard.ts';
import type { LeaseRecord, Owner, SlotRecord } from './records.ts';

export interface ClusterView {
  readonly self: Owner;
  /** This node takes no slots and gives away what it has. */
  readonly draining: boolean;
  /** All who may own slots: their lease is not known to have ended. The same array until that changes. */
  readonly members: readonly LeaseRecord[];
  /** Has not been heard of lately, although its lease holds: given nothing. */
  isSuspect(node: string): boolean;
  mayLive(owner: Owner): boolean;
}

export type SlotAction =
  /** It is free: make it ours. */
  | { readonly type: 'claim' }
  /** It was given to us, or is ours from before. */
  | { readonly type: 'adopt' }
  /** Somebody else should have it. `to`: null frees it. */
  | { readonly type: 'hand-over'; readonly to: Owner | null }
  | undefined;

export interface SlotState {
  readonly slot: Slot;
  /** Undefined where nobody has owned it yet. */
  readonly record: SlotRecord | undefined;
  /** It runs here. */
  readonly held: boolean;
  /** See {@link wantedOwner}. */
  readonly wanted: Owner | undefined;
}

export function decideSlot({ slot, record, held, wanted }: SlotState, view: ClusterView): SlotAction {
  const owner = record?.owner ?? undefined;
  const isOurs = owner?.node === view.self.node && owner.epoch === view.self.epoch;
  if (isOurs) {
    if (view.draining) return { type: 'hand-over', to: wanted ?? null };
    const elsewhere = wanted !== undefined && wanted.node !== view.self.node;
    // What is pinned stays where it is as long as it can.
    const moves = elsewhere && parseSlot(slot).kind === 'shard' && !view.isSuspect(wanted.node);
    if (moves) return { type: 'hand-over', to: wanted };
    return held ? undefined : { type: 'adopt' };
  }
  if (owner !== undefined && view.mayLive(owner)) return undefined;
  return wanted?.node === view.self.node ? { type: 'claim' } : undefined;
}

/**
 * Rendezvous hashing (Thaler and Ravishankar, 1998): every node finds the same owner by itself, and a node that comes or
 * goes moves only the slots that become or were its own.
 */
export function wantedOwner(slot: Slot, members: readonly LeaseRecord[]): Owner | undefined {
  const { kind, group, attribute, keys } = parseSlot(slot);
  let best: LeaseRecord | undefined;
  let highest = -1;
  for (const member of members) {
    if (member.state !== 'live') continue;
    const fits = kind === 'pin' ? member.attributes[attribute] === keys : member.groups.includes(group);
    if (!fits) continue;
    const weight = stableHash(`${slot}@${member.node}`);
    if (weight > highest || (weight === highest && best !== undefined && member.node < best.node)) {
      [best, highest] = [member, weight];
    }
  }
  return best && { node: best.node, epoch: best.epoch };
}
