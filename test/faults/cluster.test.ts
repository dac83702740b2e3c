/** Nodes of a cluster as real processes on a real nats-server: killed, frozen, cut off and drained. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answers, type Clustered, startClustered } from '../support/clustered.ts';

const LEDGERS = 200;
const TTL_MS = 1_500;

describe('a cluster of processes', () => {
  let clustered: Clustered;
  /** Numbers that every ledger must have. */
  const given: number[] = [];
  const said: string[] = [];

  beforeAll(async () => {
    clustered = await startClustered({
      nodes: ['a', 'b', 'c'],
      ledgers: LEDGERS,
      ttlMs: TTL_MS,
      heartbeatMs: 300,
      onOutput: (node, line) => said.push(`${node}: ${line}`),
    });
  });
  afterAll(async () => await clustered?.[Symbol.asyncDispose]());

  /** One number to every ledger; they all answer. */
  async function give(n: number): Promise<void> {
    given.push(n);
    const { ledgers } = clustered;
    await Promise.all(ledgers.map((one) => one.ask({ type: 'add', n }, { deadlineMs: 20_000 })));
  }

  async function everyLedgerHasAll(): Promise<void> {
    for (const one of clustered.ledgers) expect(await one.ask({ type: 'read' })).toEqual(given);
  }

  test('all actors of a node that is killed answer elsewhere, with all that they had stored', async () => {
    const { nodes } = clustered;
    await give(1);
    const victim = await nodes.waitForOwner('ledger/l0');
    await nodes.kill(victim);
    const killed = performance.now();
    await Promise.all(clustered.ledgers.map((one) => answers(one, 20_000)));
    expect(performance.now() - killed).toBeLessThan(TTL_MS + 2_000);
    expect(await nodes.waitForOwner('ledger/l0')).not.toBe(victim);
    await give(2);
    await everyLedgerHasAll();
    await nodes.start(victim);
    await nodes.waitForStable();
  });

  test('a node that was frozen for longer than its lease has lost its actors, and comes back', async () => {
    const { nodes } = clustered;
    const frozen = await nodes.waitForOwner('ledger/l1');
    const epoch = await epochOf(frozen);
    nodes.freeze(frozen);
    await nodes.waitForStable();
    await give(3);
    nodes.thaw(frozen);
    await nodes.waitForStable();
    expect(await epochOf(frozen)).toBeGreaterThan(epoch);
    expect(said.filter((line) => line.startsWith(`${frozen}: trouble: lease-lost`))).toHaveLength(1);
    // Rendezvous hashing gives it what it had.
    await expect.poll(() => nodes.waitForOwner('ledger/l1'), { timeout: 20_000 }).toBe(frozen);
    await give(4);
    await everyLedgerHasAll();
  });

  test.for(['black-hole', 'reset'] as const)(
    'a node that is cut off (%s) loses its actors to the others, and comes back',
    async (how) => {
      const { nodes } = clustered;
      const alone = await nodes.waitForOwner('ledger/l2');
      nodes.partition(alone, how);
      await nodes.waitForStable();
      await give(given.length + 1);
      nodes.heal(alone);
      await nodes.waitForStable();
      await give(given.length + 1);
      await everyLedgerHasAll();
    },
  );

  test('draining a node fails no call and loses no command', async () => {
    const { nodes, ledgers } = clustered;
    const leaving = await nodes.waitForOwner('ledger/l3');
    let calling = true;
    let calls = 0;
    const failures: unknown[] = [];
    const commands = new Map<number, number>();
    const callers = Array.from({ length: 8 }, async (_, lane) => {
      for (let i = lane; calling; i = (i + 8) % ledgers.length) {
        await ledgers[i]!.ask({ type: 'look' }).catch((error) => failures.push(error));
        calls += 1;
        if (calls % 5 !== 0) continue;
        await ledgers[i]!.command({ type: 'add', n: 0 }).catch((error) => failures.push(error));
        commands.set(i, (commands.get(i) ?? 0) + 1);
      }
    });
    const atLeast = async (count: number) => {
      while (calls < count) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await atLeast(200);
    await nodes.stop(leaving);
    await atLeast(calls + 200);
    calling = false;
    await Promise.all(callers);
    expect(failures).toEqual([]);
    for (const [i, count] of commands) {
      await expect
        .poll(async () => (await ledgers[i]!.ask({ type: 'look' })) - given.length, { timeout: 20_000 })
        .toBe(count);
    }
    await nodes.start(leaving);
    await nodes.waitForStable();
  });

  async function epochOf(node: string): Promise<number> {
    const { members } = await clustered.nodes.status(node);
    return members.find((member) => member.node === node)?.epoch ?? 0;
  }
});
