/** What a node writes about a slot, and when it must not. */
import { expect, test } from 'vitest';
import { systemClock } from '../clock.ts';
import { shardSlot } from '../place.ts';
import { memoryKeyValue } from '../store/mod.ts';
import type { Lease } from './lease.ts';
import { Placement } from './placement.ts';
import { decodeSlot, encodeSlot, type LeaseRecord } from './records.ts';

const SLOT = shardSlot('main', 0);

function member(node: string): LeaseRecord {
  const record = { v: 1, node, incarnation: node, epoch: 1, state: 'live', groups: ['main'] } as const;
  return { ...record, groups: [...record.groups], attributes: {}, ttlMs: 1_000, beat: 1 };
}

test('a hand-over that ends after the lease does not take the slot from whom it was given to since', async () => {
  const store = memoryKeyValue();
  const owner = async () => {
    const entry = await store.get(SLOT);
    return entry && decodeSlot(SLOT, entry.value).owner?.node;
  };
  let holds = true;
  let members = [member('a')];
  const self = { node: 'a', epoch: 1 };
  const released = Promise.withResolvers<void>();
  const releasing = Promise.withResolvers<void>();
  const placement = new Placement({
    store,
    clock: systemClock,
    lease: { epoch: 1, owner: self, holds: () => holds } as Lease,
    patienceMs: 60_000,
    slots: [SLOT],
    view: () => ({ self, draining: false, members, isSuspect: () => false, mayLive: () => true }),
    onGained: () => undefined,
    release: () => {
      releasing.resolve();
      return released.promise;
    },
    onTrouble: (error) => expect.unreachable(String(error)),
  });
  await placement.start();
  await expect.poll(() => placement.held()).toEqual([SLOT]);

  members = [member('b')];
  placement.reconcile();
  await releasing.promise;
  holds = false;
  placement.dropAll();
  await store.put(SLOT, encodeSlot({ owner: { node: 'c', epoch: 1 }, generation: 2 }));
  await expect.poll(() => placement.owner(SLOT)?.node).toBe('c');
  released.resolve();
  await placement.emptied();
  expect(await owner()).toBe('c');
  placement.stop();
});
