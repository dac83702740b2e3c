/** The simulated log of commands: stored once, handed over in order, and to one reader. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressOf } from '../address.ts';
import { everyFault, Simulation } from './mod.ts';

const to = addressOf('counter', 'one');

test('whatever happens, what was confirmed is handed over once, in order, and settled', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const often = { everyMs: 3_000, lastsMs: [10, 7_000] } as const;
      const faults = { ...everyFault, crash: undefined, cut: often, pause: often, brokerRestart: often };
      const simulation = new Simulation({ seed, faults, healAtMs: 20_000 });
      const confirmed: string[] = [];
      const taken: { readonly seq: number; readonly id: string }[] = [];
      simulation.addNode('sender', ({ commands, clock }) => {
        const send = async (id: string) => {
          try {
            await commands.append({ id, to, data: new Uint8Array(10) });
            confirmed.push(id);
          } catch {
            clock.setTimeout(() => void send(id), 500);
          }
        };
        for (let i = 0; i < 200; i++) clock.setTimeout(() => void send(String(i)), i * 80);
      });
      simulation.addNode('reader', async ({ commands }) => {
        for (let partition = 0; partition < commands.partitions; partition++) {
          await commands.open(partition, {
            inFlight: 5,
            take: (command) => {
              taken.push(command);
              void command.settle();
            },
            onEnd: (reason) => {
              throw reason;
            },
          });
        }
      });
      await simulation.runUntil(60_000);
      expect(confirmed).toHaveLength(200);
      // A reader whose opening failed was started anew: it may get again what its former life did not settle.
      if (simulation.node('reader').incarnation === 1) {
        const seqs = taken.map(({ seq }) => seq);
        expect(seqs).toEqual([...new Set(seqs)].toSorted((one, other) => one - other));
      }
      expect(new Set(taken.map(({ id }) => id))).toEqual(new Set(confirmed));
      simulation.crash('reader');
      let left = 0;
      for (let partition = 0; partition < simulation.commandLog.partitions; partition++)
        await simulation.commandLog.open(partition, { take: () => left++, onEnd: () => undefined });
      await simulation.runUntil(60_001);
      expect(left).toBe(0);
    }),
    { numRuns: 40 },
  );
});

test('who was cut off while another reader came learns of it, and what it settles counts for nothing', async () => {
  const simulation = new Simulation({ seed: 1 });
  const [a, b] = [simulation.addNode('a'), simulation.addNode('b')];
  await simulation.complete(b.commands.append({ id: '1', to, data: new Uint8Array() }));
  const settles: (() => Promise<void>)[] = [];
  const ends: string[] = [];
  const opened = async (node: typeof a, name: string) => {
    for (let partition = 0; partition < node.commands.partitions; partition++) {
      await node.commands.open(partition, {
        take: ({ settle }) => settles.push(settle),
        onEnd: ({ code }) => ends.push(`${name} ${code}`),
      });
    }
  };
  await simulation.complete(opened(a, 'a'));
  simulation.cut('a');
  await simulation.complete(opened(b, 'b'));
  expect(settles).toHaveLength(2);
  const [first, second] = settles;
  const stale = first?.();
  simulation.heal('a');
  await simulation.complete(stale ?? Promise.reject(new Error('nothing was handed over')));
  await simulation.runUntil(simulation.elapsed + 10_000);
  expect(new Set(ends)).toEqual(new Set(['a commands-taken-over']));
  await simulation.complete(second?.() ?? Promise.reject(new Error('nothing was handed over again')));
  settles.length = 0;
  await simulation.complete(opened(a, 'a'));
  await simulation.runUntil(simulation.elapsed + 100);
  expect(settles).toHaveLength(0);
});

test('what is for later is handed over at its time, once, and what was taken back never is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const often = { everyMs: 3_000, lastsMs: [10, 7_000] } as const;
      const faults = {
        ...everyFault,
        crash: undefined,
        clockStep: undefined,
        clockDrift: 0,
        clockOffsetMs: 0,
        cut: often,
        brokerRestart: often,
      };
      const simulation = new Simulation({ seed, faults, healAtMs: 20_000 });
      const due = new Map<string, number>();
      const takenBack = new Set<string>();
      const came: { readonly id: string; readonly at: number }[] = [];
      simulation.addNode('sender', ({ commands, clock }) => {
        const again = (work: () => Promise<void>) =>
          void work().catch(() => clock.setTimeout(() => again(work), 500));
        const give = (id: string) => {
          const at = clock.now() + 500 + (Number(id) % 7) * 4_000;
          again(async () => {
            await commands.append({ id, to, data: new Uint8Array(10), at });
            due.set(id, at);
            if (Number(id) % 3 === 0 && (await commands.cancel({ id, to }))) takenBack.add(id);
          });
        };
        for (let i = 0; i < 100; i++) clock.setTimeout(() => give(String(i)), i * 160);
      });
      simulation.addNode('reader', async ({ commands, clock }) => {
        for (let partition = 0; partition < commands.partitions; partition++) {
          await commands.open(partition, {
            take: ({ id, settle }) => {
              came.push({ id, at: clock.now() });
              void settle();
            },
            onEnd: (reason) => {
              throw reason;
            },
          });
        }
      });
      await simulation.runUntil(90_000);
      expect(due.size).toBe(100);
      for (const [id, at] of due) {
        const late = came.filter((one) => one.id === id).map((one) => one.at - at);
        // A reader whose opening failed was started anew: it may get again what its former life did not settle.
        const times = simulation.node('reader').incarnation === 1 ? [1] : [1, 2];
        expect(takenBack.has(id) ? [0] : times).toContain(late.length);
        for (const ms of late) expect(ms).toBeGreaterThanOrEqual(-1);
      }
      expect(takenBack.size).toBeGreaterThan(10);
    }),
    { numRuns: 30 },
  );
});
