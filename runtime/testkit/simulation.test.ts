/** A whole cluster with everything that can go wrong: the same seed is the same run. */
import { expect, test } from 'vitest';
import { createMux } from '../transport/mod.ts';
import { everyFault, type NodeProgram, Simulation } from './mod.ts';

const NAMES = ['a', 'b', 'c'];

/** Asks the others, and counts under a lock of compare-and-set. */
function programOf(results: string[]): NodeProgram {
  return ({ name, clock, transport, store, random }) => {
    const mux = createMux(transport, { clock });
    mux.serve(`echo.${name}`, (body) => body);
    const ask = () => {
      clock.setTimeout(ask, 100 + random() * 100);
      const other = NAMES[Math.floor(random() * NAMES.length)];
      mux.request(`echo.${other}`, { name }, { deadlineMs: 1_000 }).then(
        () => results.push(`${clock.now()} ${name} ${other}`),
        ({ code }) => results.push(`${clock.now()} ${name} ${code}`),
      );
    };
    const count = async () => {
      try {
        const entry = await store.get('count');
        const next = new Uint8Array([(entry?.value[0] ?? 0) + 1]);
        if (entry === undefined) await store.create('count', next);
        else await store.update('count', next, entry.revision);
      } catch (error) {
        results.push(`${clock.now()} ${name} ${(error as { code?: string }).code}`);
      }
      clock.setTimeout(count, 200);
    };
    ask();
    void count();
  };
}

async function run(seed: number) {
  const results: string[] = [];
  const simulation = new Simulation({ seed, faults: everyFault, healAtMs: 45_000 });
  for (const name of NAMES) simulation.addNode(name, programOf(results));
  await simulation.runUntil(60_000);
  return { simulation, results, hash: simulation.trace.hash };
}

test('a seed replays exactly, another is another run', async () => {
  const [first, again, other] = [await run(11), await run(11), await run(12)];
  expect(again.results).toEqual(first.results);
  expect(again.hash).toBe(first.hash);
  expect(again.simulation.trace.lines).toEqual(first.simulation.trace.lines);
  expect(other.hash).not.toBe(first.hash);
});

test('all kinds of faults come, and after healing everybody answers everybody', async () => {
  const told = new Set<string>();
  for (let seed = 0; seed < 10; seed++) {
    const { simulation, results } = await run(seed);
    for (const line of simulation.trace.lines) told.add(line.split(' ')[2]!);
    for (const name of NAMES) expect(simulation.statusOf(name)).toBe('running');
    const codes = new Set(results.map((line) => line.split(' ')[2]));
    expect(codes).toContain('a');
    // The last quarter second may hold conflicts, as compare-and-set should; the network has none of its faults left.
    const end = results.slice(-20).map((line) => line.split(' ')[2]);
    for (const outcome of end) expect([...NAMES, 'revision-conflict']).toContain(outcome);
  }
  for (const kind of ['pause', 'crash', 'start', 'cut', 'stalled', 'refusing', 'stop', 'clock'])
    expect(told).toContain(kind);
});

test('what a program throws on purpose ends its process, which starts again; anything else ends the run', async () => {
  const simulation = new Simulation({ seed: 1 });
  simulation.failStore('refusing');
  let starts = 0;
  simulation.addNode('a', async ({ store }) => {
    starts += 1;
    await store.get('k');
  });
  await simulation.runUntil(1_700);
  expect(starts).toBe(4);
  simulation.addNode('b', async () => {
    throw new TypeError('a bug');
  });
  await expect(simulation.runUntil(1_800)).rejects.toThrow('a bug');
});
