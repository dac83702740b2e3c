/** A cluster of ledgers: nodes in processes of their own on one nats-server or three, and a client. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureNatsServer, startNatsServer } from '../../deploy/nats/mod.ts';
import {
  type ActorRef,
  type ActorSystem,
  connectNats,
  createActorSystem,
  memoryKeyValue,
  natsCommandLog,
} from '../../runtime/mod.ts';
import { NodeHarness } from '../../runtime/testkit/processes/mod.ts';
import type { ClusterSettings } from './cluster-settings.ts';
import { ledger } from './ledger.ts';
import type { NatsCluster } from './nats-cluster.ts';
import { until } from './until.ts';

export interface Clustered extends AsyncDisposable {
  readonly nodes: NodeHarness;
  /** Owns nothing. */
  readonly client: ActorSystem;
  readonly ledgers: readonly ActorRef<typeof ledger>[];
}

export interface ClusteredOptions extends Omit<ClusterSettings, 'replicas'> {
  readonly nodes: readonly string[];
  readonly ledgers: number;
  /** Three, with as many copies of everything. Default: a server of its own. */
  readonly servers?: NatsCluster;
  readonly onOutput?: (node: string, line: string) => void;
}

export const LEDGER_NODE = new URL('./cluster-node.worker.ts', import.meta.url);

/** Resolves when the nodes are stable and the ledgers made: `l0`, `l1` and so on. */
export async function startClustered(options: ClusteredOptions): Promise<Clustered> {
  const { nodes: names, ledgers: count, servers, onOutput, ...settings } = options;
  const stack = new AsyncDisposableStack();
  try {
    const urls = servers?.urls ?? [await startServer(stack)];
    const replicas = urls.length;
    const nodes = stack.use(
      new NodeHarness({
        module: LEDGER_NODE,
        servers: urls,
        settings: { ...settings, replicas } satisfies ClusterSettings,
        ...(onOutput !== undefined && { onOutput }),
      }),
    );
    const client = await until(() => openClient(stack, urls, replicas));
    await Promise.all(names.map((name) => nodes.start(name)));
    await nodes.waitForStable();
    const ledgers = await makeLedgers(nodes, names[0]!, client, count);
    const ended = stack.move();
    return { nodes, client, ledgers, [Symbol.asyncDispose]: () => ended.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function startServer(stack: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'shadowgrid-cluster-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const server = await startNatsServer({
    binary: await ensureNatsServer(),
    storeDir: join(folder, 'store'),
    runDir: join(folder, 'run'),
  });
  stack.defer(() => server.stop());
  return server.url;
}

export async function openClient(
  stack: AsyncDisposableStack,
  servers: readonly string[],
  replicas: number,
): Promise<ActorSystem> {
  const transport = stack.use(await connectNats({ servers, name: 'client' }));
  const commands = await natsCommandLog(transport, { replicas });
  return stack.use(
    createActorSystem({ transport, store: memoryKeyValue(), node: 'client', commands, awaitOwner: true }),
  );
}

/** Made by the node `by`; each lives on the node that owns it. */
export async function makeLedgers(
  nodes: NodeHarness,
  by: string,
  client: ActorSystem,
  count: number,
): Promise<ActorRef<typeof ledger>[]> {
  await nodes.call(by, 'make', count);
  return Array.from({ length: count }, (_, i) => client.ref(ledger, `l${i}`));
}

/**
 * Resolves when the ledger answers. A message that the server sends to a node in the moment of its death is lost, as its
 * sender finds by the deadline: whoever only looks asks again.
 */
export async function answers(one: ActorRef<typeof ledger>, withinMs: number): Promise<void> {
  const look = () => one.ask({ type: 'look' }, { deadlineMs: 500 }).then(() => true);
  await until(look, withinMs);
}
