/** What every driver of the KeyValue port must do. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { KeyExists, type KeyValue, type KeyValueChange, RevisionConflict } from '../../runtime/mod.ts';
import { until } from '../support/until.ts';

export interface StoreDriver {
  start(): Promise<void>;
  /** An empty store. */
  open(): Promise<KeyValue>;
  stop(): Promise<void>;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined) => value && new TextDecoder().decode(value);

export function storeSuite(name: string, driver: StoreDriver): void {
  describe(`${name} key-value store`, () => {
    let store: KeyValue;
    beforeAll(() => driver.start());
    afterAll(() => driver.stop());
    beforeEach(async () => {
      store = await driver.open();
    });

    test('creates once', async () => {
      const revision = await store.create('actor.job.a', bytes('1'));
      expect(await store.get('actor.job.a')).toMatchObject({ key: 'actor.job.a', revision });
      await expect(store.create('actor.job.a', bytes('2'))).rejects.toThrow(KeyExists);
      expect(text((await store.get('actor.job.a'))?.value)).toBe('1');
      expect(await store.get('actor.job.none')).toBeUndefined();
    });

    test('one of many creators wins', async () => {
      const tries = await Promise.allSettled(
        Array.from({ length: 20 }, (_, i) => store.create('k', bytes(String(i)))),
      );
      expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    });

    test('many writes at once each get the revision they are stored under', async () => {
      const keys = Array.from({ length: 300 }, (_, i) => `many.${i}`);
      const revisions = await Promise.all(keys.map((key) => store.create(key, bytes(key))));
      expect(new Set(revisions).size).toBe(keys.length);
      for (const [index, key] of keys.entries()) {
        if (index % 50 === 0) expect(await store.get(key)).toMatchObject({ revision: revisions[index] });
      }
      // What each was told must be good for its next compare-and-set.
      const next = await Promise.all(keys.map((key, i) => store.update(key, bytes('next'), revisions[i]!)));
      expect(new Set([...revisions, ...next]).size).toBe(2 * keys.length);
    });

    test('a write that is refused harms none of those made with it', async () => {
      const taken = await store.create('taken', bytes('1'));
      const tries = await Promise.allSettled([
        store.create('free.a', bytes('a')),
        store.create('taken', bytes('2')),
        store.update('taken', bytes('3'), taken + 1_000),
        store.create('free.b', bytes('b')),
        store.put('free.c', bytes('c')),
      ]);
      expect(tries.map(({ status }) => status)).toEqual([
        'fulfilled',
        'rejected',
        'rejected',
        'fulfilled',
        'fulfilled',
      ]);
      expect(text((await store.get('taken'))?.value)).toBe('1');
      expect(text((await store.get('free.b'))?.value)).toBe('b');
    });

    test('writes of one key keep their order', async () => {
      await Promise.all(Array.from({ length: 40 }, (_, i) => store.put('k', bytes(String(i)))));
      expect(text((await store.get('k'))?.value)).toBe('39');
    });

    test('updates only the revision that was read', async () => {
      const first = await store.create('k', bytes('1'));
      const second = await store.update('k', bytes('2'), first);
      expect(second).toBeGreaterThan(first);
      await expect(store.update('k', bytes('3'), first)).rejects.toThrow(RevisionConflict);
      expect(text((await store.get('k'))?.value)).toBe('2');
      await expect(store.update('none', bytes('3'), second)).rejects.toThrow(RevisionConflict);
    });

    test('deletes, and creates again afterwards', async () => {
      const first = await store.create('k', bytes('1'));
      await expect(store.delete('k', first + 1000)).rejects.toThrow(RevisionConflict);
      await store.delete('k', first);
      await store.delete('k');
      expect(await store.get('k')).toBeUndefined();
      expect(await store.keys('>')).toEqual([]);
      const again = await store.create('k', bytes('2'));
      expect(again).toBeGreaterThan(first);
      await expect(store.update('k', bytes('3'), first)).rejects.toThrow(RevisionConflict);
    });

    test('put needs no revision', async () => {
      await store.put('k', bytes('1'));
      await store.put('k', bytes('2'));
      expect(text((await store.get('k'))?.value)).toBe('2');
    });

    test('lists by filter', async () => {
      expect(await store.entries('actor.job.*')).toEqual([]);
      for (const key of ['actor.job.a', 'actor.job.b', 'actor.host.a', 'lease.n1'])
        await store.put(key, bytes(key));
      await store.put('actor.job.b', bytes('newer'));
      await store.put('actor.job.c', bytes('gone'));
      await store.delete('actor.job.c');
      expect((await store.keys('actor.job.*')).toSorted()).toEqual(['actor.job.a', 'actor.job.b']);
      expect((await store.keys('actor.>')).toSorted()).toEqual([
        'actor.host.a',
        'actor.job.a',
        'actor.job.b',
      ]);
      const entries = (await store.entries('actor.job.*')).map(({ key, value }) => [key, text(value)]);
      expect(entries.toSorted()).toEqual([
        ['actor.job.a', 'actor.job.a'],
        ['actor.job.b', 'newer'],
      ]);
    });

    test('watches what is there and what comes', async () => {
      await store.put('w.a', bytes('1'));
      const changes: KeyValueChange[] = [];
      const watch = await store.watch('w.*', (change) => changes.push(change));
      await store.put('w.b', bytes('2'));
      await store.put('x.b', bytes('other'));
      await store.delete('w.a');
      await until(() => changes.length === 3);
      expect(changes.map(({ operation, key }) => [operation, key])).toEqual([
        ['put', 'w.a'],
        ['put', 'w.b'],
        ['delete', 'w.a'],
      ]);
      watch.stop();
      await store.put('w.c', bytes('3'));
      expect(text((await store.get('w.c'))?.value)).toBe('3');
      expect(changes).toHaveLength(3);
    });
  });
}
