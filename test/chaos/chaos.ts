/** Rounds of mishaps to three nodes on a cluster of three nats-servers, and what became of what clients were promised. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { NodeHarness } from '../../runtime/testkit/processes/mod.ts';
import type { ClusterSettings } from '../support/cluster-settings.ts';
import { LEDGER_NODE, makeLedgers, openClient } from '../support/clustered.ts';
import { NatsCluster } from '../support/nats-cluster.ts';
import { until } from '../support/until.ts';
import { Clients } from './clients.ts';
import { Dice } from './dice.ts';
import { gather } from './evidence.ts';
import { nextMishap, type Stage } from './mishaps.ts';
import { judge, type Verdict } from './verdict.ts';

export interface ChaosOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly log: (line: string) => void;
  /** What nodes write is told, too. */
  readonly verbose: boolean;
  readonly signal: AbortSignal;
}

export interface ChaosFigures {
  readonly rounds: number;
  /** See `Verdict`. */
  readonly lost: number;
  readonly duplicated: number;
  readonly doubleOwners: number;
  readonly disordered: number;
  /** Durable commands and plain messages that were acknowledged. */
  readonly commands: number;
  readonly messages: number;
  readonly seed: number;
}

const NODES = ['a', 'b', 'c'];
const LEDGERS = 64;
const CLIENTS = 8;
const PAUSE_MS = 60;
/** After SIGKILL of its leader a bucket of three copies takes no writes for some seconds. */
const LEASE_TTL_MS = 10_000;
const HEARTBEAT_MS = 1_000;
/** Longer than a lease and an election of leaders: most calls wait out what happens. */
const DEADLINE_MS = 14_000;
const REPLICAS = 3;
/** Load before and after what happens. */
const USUAL_MS = 500;
/** Until everything is as it should be again. */
const RECOVERY_MS = 120_000;
const ROUND_MS = 2 * RECOVERY_MS;

export async function runChaos(options: ChaosOptions): Promise<ChaosFigures> {
  const { signal, rounds } = options;
  const stack = new AsyncDisposableStack();
  const stopped = new Promise<never>((_, reject) => {
    const late = setTimeout(() => reject(new Error('the deadline has passed')), (rounds + 1) * ROUND_MS);
    stack.defer(() => clearTimeout(late));
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  try {
    return await Promise.race([play(options, stack), stopped]);
  } finally {
    // Servers last: they are what everybody else waits for.
    await stack.disposeAsync();
  }
}

async function play(options: ChaosOptions, stack: AsyncDisposableStack): Promise<ChaosFigures> {
  const { rounds, seed, log, verbose } = options;
  const dice = new Dice(seed);
  log(`seed ${seed}`);
  const folder = await mkdtemp(join(tmpdir(), 'shadowgrid-chaos-'));
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const servers = stack.use(await NatsCluster.start(folder));
  const journal = join(folder, 'deeds');
  const nodes = stack.use(
    new NodeHarness({
      module: LEDGER_NODE,
      servers: servers.urls,
      settings: {
        replicas: REPLICAS,
        ttlMs: LEASE_TTL_MS,
        heartbeatMs: HEARTBEAT_MS,
        journal,
      } satisfies ClusterSettings,
      onOutput: (node, line) => verbose && log(`${clock()}   ${node}: ${line}`),
    }),
  );
  const stage: Stage = { nodes, names: NODES, servers, ttlMs: LEASE_TTL_MS };
  const opened = new AsyncDisposableStack();
  stack.use(opened);
  const client = await until(() => openClient(opened, servers.urls, REPLICAS), RECOVERY_MS);
  await Promise.all(NODES.map((name) => nodes.start(name)));
  await nodes.waitForStable({ withinMs: RECOVERY_MS });
  const ledgers = await makeLedgers(nodes, 'a', client, LEDGERS);

  const clients = new Clients({
    ledgers,
    dice: new Dice(seed + 1),
    count: CLIENTS,
    pauseMs: PAUSE_MS,
    deadlineMs: DEADLINE_MS,
  });
  const evidence = { ledgers, clients, journal, withinMs: RECOVERY_MS };
  let verdict: Verdict | undefined;
  for (let round = 1; round <= rounds; round++) {
    const { what, happen } = nextMishap(stage, dice);
    const began = performance.now();
    log(`${clock()} round ${round}: ${what}`);
    clients.resume();
    await pause(USUAL_MS);
    await happen();
    await nodes.waitForStable({ withinMs: RECOVERY_MS });
    const recoveredMs = performance.now() - began;
    await pause(USUAL_MS);
    await clients.pause();
    verdict = judge(await gather(evidence));
    const { violations } = verdict;
    const failures = [...clients.failures].map(([why, count]) => `${count} ${why}`).join(', ');
    log(
      `${clock()}   stable after ${(recoveredMs / 1000).toFixed(1)} s; ${clients.given.length} given, ` +
        `${clients.seen.length} seen, ${violations.length} violations${failures && `; so far failed: ${failures}`}`,
    );
    for (const violation of violations.slice(0, 10)) log(`    ${violation}`);
  }
  const { lost, duplicated, doubleOwners, disordered } = verdict ?? judge(await gather(evidence));
  const acknowledged = clients.given.filter((one) => one.acknowledged);
  const commands = acknowledged.filter(({ durable }) => durable).length;
  const messages = acknowledged.length - commands;
  return { rounds, lost, duplicated, doubleOwners, disordered, commands, messages, seed };
}

const clock = () => new Date().toISOString().slice(11, 19);
