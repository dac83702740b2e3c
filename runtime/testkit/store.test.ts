/** The simulated store: what callers learn of writes, and what those who watch never miss. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RevisionConflict, StoreUnavailable } from '../errors.ts';
import { everyFault, noFaults, Simulation } from './mod.ts';

const value = (n: number) => new Uint8Array([n]);

test('a lost request is not carried out, a lost answer hides that it was; both look the same', async () => {
  for (const [fault, stored] of [
    ['loseRequest', undefined],
    ['loseAnswer', { revision: 1 }],
  ] as const) {
    const simulation = new Simulation({ seed: 1, faults: { ...noFaults, [fault]: 1 } });
    const { store } = simulation.addNode('a');
    const started = simulation.elapsed;
    await expect(simulation.complete(store.create('k', value(1)))).rejects.toThrow(StoreUnavailable);
    expect(simulation.elapsed - started).toBeGreaterThanOrEqual(5_000);
    if (stored === undefined) expect(simulation.stored.get('k')).toBeUndefined();
    else expect(simulation.stored.get('k')).toMatchObject(stored);
  }
});

test('a store without a leader says so at once; a stalled one does later what its caller has given up', async () => {
  const simulation = new Simulation({ seed: 2 });
  const { store } = simulation.addNode('a');
  simulation.failStore('refusing');
  await expect(simulation.complete(store.put('k', value(1)), 100)).rejects.toThrow(StoreUnavailable);
  simulation.restoreStore();
  expect(simulation.stored.get('k')).toBeUndefined();
  simulation.failStore('stalled');
  await expect(simulation.complete(store.put('k', value(2)))).rejects.toThrow(StoreUnavailable);
  expect(simulation.stored.get('k')).toBeUndefined();
  simulation.restoreStore();
  await simulation.runUntil(simulation.elapsed + 10);
  expect(simulation.stored.get('k')).toMatchObject({ revision: 1 });
});

test('of two compare-and-sets on one revision one is refused', async () => {
  const simulation = new Simulation({ seed: 3 });
  const [a, b] = [simulation.addNode('a'), simulation.addNode('b')];
  const revision = await simulation.complete(a.store.create('k', value(0)));
  const tries = await simulation.complete(
    Promise.allSettled([a.store.update('k', value(1), revision), b.store.update('k', value(2), revision)]),
  );
  const refused = tries.filter(({ status }) => status === 'rejected');
  expect(refused).toMatchObject([{ reason: expect.any(RevisionConflict) }]);
});

test('buckets are apart, and the same for every node', async () => {
  const simulation = new Simulation({ seed: 4 });
  const [a, b] = [simulation.addNode('a'), simulation.addNode('b')];
  await simulation.complete(a.bucket('leases').put('k', value(1)));
  expect(await simulation.complete(b.bucket('leases').get('k'))).toMatchObject({ value: value(1) });
  expect(await simulation.complete(b.store.get('k'))).toBeUndefined();
  expect(simulation.bucket('leases').get('k')).toMatchObject({ revision: 1 });
});

test('whatever happens, who watches ends with the newest value of every key and sees no revision go back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const often = { everyMs: 2_000, lastsMs: [10, 7_000] } as const;
      const faults = { ...everyFault, crash: undefined, cut: often, pause: often, brokerRestart: often };
      const simulation = new Simulation({ seed, faults, healAtMs: 20_000 });
      const seen = new Map<string, number>();
      let last = 0;
      let wentBack = 0;
      const watch = (node: ReturnType<Simulation['addNode']>) => {
        node.store
          .watch('k.*', ({ key, revision, operation }) => {
            if (revision <= last) wentBack += 1;
            last = revision;
            if (operation === 'put') seen.set(key, revision);
            else seen.delete(key);
          })
          .catch(() => node.clock.setTimeout(() => watch(node), 100));
      };
      watch(simulation.addNode('watcher'));
      simulation.addNode('writer', ({ store, clock, random }) => {
        const write = () => {
          clock.setTimeout(write, 50);
          const key = `k.${Math.floor(random() * 5)}`;
          const written = random() < 0.2 ? store.delete(key) : store.put(key, value(1));
          written.catch(() => undefined);
        };
        write();
      });
      await simulation.runUntil(40_000);
      simulation.crash('writer');
      await simulation.runUntil(41_000);
      expect(wentBack).toBe(0);
      const truth = simulation.stored.entries('k.*').map(({ key, revision }) => [key, revision] as const);
      expect([...seen].toSorted()).toEqual(truth.toSorted());
    }),
    { numRuns: 60 },
  );
});
