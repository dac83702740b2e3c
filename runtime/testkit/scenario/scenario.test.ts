/** The cluster through minutes of every fault; and that the scenario sees what goes wrong when leases do not fence. */
import { expect, test } from 'vitest';
import { noFaults, runClusterScenario } from '../mod.ts';

const seeds = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

test('with fencing nothing is owned twice, lost, applied twice or left waiting', async () => {
  for (const seed of seeds(1, 8)) {
    const { violations, commands } = await runClusterScenario({ seed });
    expect(violations, `seed ${seed}`).toEqual([]);
    expect(commands).toBeGreaterThan(100);
  }
}, 30_000);

test('without fencing the scenario finds two owners', async () => {
  const found = [];
  for (const seed of seeds(1, 4)) {
    const { violations } = await runClusterScenario({ seed, fencing: false });
    found.push(...violations.map(({ what }) => what));
  }
  expect(found.filter((what) => what.includes(' is owned by ')).length).toBeGreaterThan(0);
}, 30_000);

test('a seed replays exactly, whether or not more of it is told', async () => {
  const first = await runClusterScenario({ seed: 3 });
  const again = await runClusterScenario({ seed: 3, detailed: true });
  expect(again.hash).toBe(first.hash);
  expect(again.trace.length).toBeGreaterThan(first.trace.length);
}, 30_000);

test('without faults nobody loses a lease, and commands are never refused', async () => {
  const { violations, trace, commands } = await runClusterScenario({
    seed: 1,
    faults: noFaults,
    detailed: true,
  });
  expect(violations).toEqual([]);
  expect(trace.filter((line) => line.includes('trouble') || line.includes('retried'))).toEqual([]);
  expect(commands).toBeGreaterThan(100);
}, 30_000);
