/** The disks under a cluster's buckets fill up: nodes live on, nobody is promised what is not kept, and all goes on afterwards. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../../deploy/setup/process/mod.ts';
import { GridError } from '../../runtime/mod.ts';
import { Clients } from '../chaos/clients.ts';
import { Dice } from '../chaos/dice.ts';
import { gather } from '../chaos/evidence.ts';
import { judge } from '../chaos/verdict.ts';
import { type Clustered, startClustered } from '../support/clustered.ts';
import { NatsCluster } from '../support/nats-cluster.ts';
import { until } from '../support/until.ts';

const NODES = ['a', 'b', 'c'];
const SERVERS = [0, 1, 2];
const DISK_BYTES = 32 * 2 ** 20;

describe.runIf(process.getuid?.() === 0)('nodes on three nats-servers whose disks are full', () => {
  const stack = new AsyncDisposableStack();
  let folder: string;
  let servers: NatsCluster;
  let clustered: Clustered;
  let clients: Clients;
  let pids: number[];
  const said: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'shadowgrid-full-disk-'));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    for (const index of SERVERS) {
      await mkdir(disk(index), { recursive: true });
      await runCommand('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'none', disk(index)]);
      stack.defer(async () => void (await runCommand('umount', ['--lazy', disk(index)])));
    }
    servers = stack.use(await NatsCluster.start(folder));
    clustered = stack.use(
      await startClustered({
        nodes: NODES,
        ledgers: 48,
        servers,
        ttlMs: 5_000,
        heartbeatMs: 500,
        journal: join(folder, 'deeds'),
        onOutput: (node, line) => said.push(`${node}: ${line}`),
      }),
    );
    const { ledgers } = clustered;
    clients = new Clients({ ledgers, dice: new Dice(1), count: 8, pauseMs: 20, deadlineMs: 3_000 });
    pids = NODES.map((node) => clustered.nodes.pid(node));
  });
  afterAll(() => stack.disposeAsync());

  test('one of them: the others take over, and it comes back when there is room', async () => {
    clients.resume();
    await served(50);
    await fill(0);
    await noticed(0);
    await served(200);
    await makeRoom(0);
    await goesOn();
    expect(untyped()).toEqual([]);
  }, 120_000);

  test('all of them: calls fail with typed errors, leases end, and all goes on when there is room', async () => {
    clients.failures.clear();
    said.length = 0;
    clients.resume();
    await served(50);
    for (const index of SERVERS) await fill(index);
    await until(() =>
      NODES.every((node) => said.some((line) => line.startsWith(`${node}: trouble: lease-lost`))),
    );
    for (const node of NODES) expect(await clustered.nodes.call(node, 'keys')).toEqual([]);
    const asked = clustered.ledgers[0]!.ask({ type: 'look' }, { deadlineMs: 1_000 });
    await expect(asked).rejects.toThrow(GridError);
    await expect(asked).rejects.toMatchObject({ retryable: true });
    await until(() => clients.failures.has('command: store-unavailable'));
    for (const index of SERVERS) await makeRoom(index);
    await goesOn();
    expect(untyped()).toEqual([]);
  }, 120_000);

  /** Everything is as it should be again, in the same processes, and what was acknowledged is there. */
  async function goesOn(): Promise<void> {
    const { nodes, ledgers } = clustered;
    await nodes.waitForStable();
    await served(200);
    await clients.pause();
    expect(NODES.map((node) => nodes.pid(node))).toEqual(pids);
    const verdict = judge(
      await gather({ ledgers, clients, journal: join(folder, 'deeds'), withinMs: 30_000 }),
    );
    expect(verdict).toEqual({ lost: 0, duplicated: 0, doubleOwners: 0, disordered: 0, violations: [] });
  }

  /** So many numbers more that are acknowledged. */
  function served(count: number): Promise<boolean> {
    const acknowledged = () => clients.given.filter((one) => one.acknowledged).length;
    const enough = acknowledged() + count;
    return until(() => acknowledged() >= enough);
  }

  /** Failures that are not errors of ours with a code. */
  function untyped(): string[] {
    return [...clients.failures.keys()].filter((why) => !/^\w+: (?!internal)[a-z-]+$/.test(why));
  }

  const disk = (index: number) => join(folder, `server-${index + 1}`, 'store');
  const ballast = (index: number) => join(disk(index), 'ballast');

  function fill(index: number): Promise<void> {
    const filling = writeFile(ballast(index), new Uint8Array(DISK_BYTES));
    return expect(filling).rejects.toMatchObject({ code: 'ENOSPC' });
  }

  function noticed(index: number): Promise<boolean> {
    const log = join(folder, `server-${index + 1}`, 'log');
    return until(async () => (await readFile(log, 'utf8')).includes('no space left on device'));
  }

  /** A nats-server whose disk was full has turned JetStream off until it is started again. */
  async function makeRoom(index: number): Promise<void> {
    await rm(ballast(index));
    await servers.end(index, 'SIGTERM');
    servers.start(index);
  }
});
