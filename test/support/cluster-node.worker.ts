/** A node with ledgers, as tests, benchmarks and chaos start it by the harness; writes down what its ledgers do, and when. */
import { openSync, writeSync } from 'node:fs';
import {
  type ActorSystem,
  connectNats,
  createActorSystem,
  type NatsTransport,
  natsCommandLog,
  natsKeyValue,
} from '../../runtime/mod.ts';
import type { NodeProgram } from '../../runtime/testkit/processes/mod.ts';
import { type ClusterSettings, journalLine } from './cluster-settings.ts';
import { ledger } from './ledger.ts';
import { until } from './until.ts';

export const start: NodeProgram = async ({ node, servers, settings }) => {
  const given = settings as ClusterSettings;
  const transport = await connectNats({
    servers,
    name: node,
    // What the servers tell of each other leads past the harness.
    connection: { ignoreClusterUpdates: true },
  });
  const system = createActorSystem({
    transport,
    node,
    // Servers of a cluster may be about to elect their leaders.
    ...(await until(() => openStores(transport, given))),
    onTrouble: ({ code, message }) => process.stderr.write(`trouble: ${code}: ${message}\n`),
    onFailure: ({ address, outcome, error }) =>
      process.stderr.write(`failure: ${address} ${outcome}: ${error.code}: ${error.message}\n`),
  });
  const write = journal(given.journal);
  system.register(ledger, {
    onEffect: ({ what }, { key, generation = 0 }) => write(journalLine({ node, key, generation, what })),
    onResume: (_, { key, generation = 0 }) => write(journalLine({ node, key, generation, what: 'begin' })),
  });
  await system.join();
  const calls = {
    /** Of the ledgers that live here. */
    keys: () => system.actors(ledger),
    make: (count: unknown) => makeLedgers(system, Number(count)),
  };
  return { system, close: () => transport.close(), calls };
};

async function openStores(transport: NatsTransport, { replicas, ttlMs, heartbeatMs }: ClusterSettings) {
  const store = await natsKeyValue(transport, { bucket: 'ledgers', replicas });
  const leases = await natsKeyValue(transport, { bucket: 'cluster', replicas });
  const commands = await natsCommandLog(transport, { replicas });
  return { store, commands, cluster: { store: leases, ttlMs, heartbeatMs } };
}

/** `l0`, `l1` and so on, many at a time. */
async function makeLedgers(system: ActorSystem, count: number): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await system.spawn(ledger, `l${next++}`);
  };
  await Promise.all(Array.from({ length: 64 }, lane));
}

/** Written to the file before anything else happens: it outlives the process, however that ends. */
function journal(path: string | undefined): (line: string) => void {
  if (path === undefined) return () => undefined;
  const file = openSync(path, 'a');
  return (line) => void writeSync(file, line);
}
