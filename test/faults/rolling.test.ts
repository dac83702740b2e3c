/** Every node of a cluster is drained and started again, one after the other, while clients go on. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Clients } from '../chaos/clients.ts';
import { Dice } from '../chaos/dice.ts';
import { gather } from '../chaos/evidence.ts';
import { judge } from '../chaos/verdict.ts';
import { startClustered } from '../support/clustered.ts';
import { until } from '../support/until.ts';

const NODES = ['a', 'b', 'c'];

test('a rolling restart under load fails no call and loses no command', async () => {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'shadowgrid-rolling-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const journal = join(folder, 'deeds');
  const said: string[] = [];
  const { nodes, ledgers } = stack.use(
    await startClustered({
      nodes: NODES,
      ledgers: 200,
      ttlMs: 3_000,
      heartbeatMs: 300,
      journal,
      onOutput: (node, line) => said.push(`${node}: ${line}`),
    }),
  );
  const before = NODES.map((node) => nodes.pid(node));
  const clients = new Clients({ ledgers, dice: new Dice(1), count: 8, pauseMs: 5, deadlineMs: 5_000 });
  const goOn = (calls: number) => {
    const enough = clients.given.length + clients.seen.length + calls;
    return until(() => clients.given.length + clients.seen.length >= enough);
  };

  clients.resume();
  await goOn(200);
  for (const node of NODES) {
    await nodes.stop(node);
    await goOn(200);
    await nodes.start(node);
    await nodes.waitForStable();
    await goOn(200);
    expect(await nodes.call(node, 'keys')).not.toEqual([]);
  }
  await clients.pause();

  expect(NODES.filter((node, i) => nodes.pid(node) === before[i])).toEqual([]);
  expect([...clients.failures]).toEqual([]);
  expect(clients.given.filter(({ durable }) => durable).length).toBeGreaterThan(200);
  const verdict = judge(await gather({ ledgers, clients, journal, withinMs: 20_000 }));
  expect(verdict).toEqual({ lost: 0, duplicated: 0, doubleOwners: 0, disordered: 0, violations: [] });
  expect(said).toEqual([]);
}, 60_000);
