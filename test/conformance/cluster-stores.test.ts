/** The suites of the stores on three nats-servers with three copies, and commands for later while their leader is killed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectNats, type NatsTransport, natsCommandLog, natsKeyValue } from '../../runtime/mod.ts';
import { NatsCluster } from '../support/nats-cluster.ts';
import { until } from '../support/until.ts';
import { follow, later } from './commands-later-suite.ts';
import { commandLogSuite } from './commands-suite.ts';
import { storeSuite } from './store-suite.ts';

const REPLICAS = 3;
/** After SIGKILL of its leader a stream of three copies does nothing for some seconds. */
const ELECTION_MS = 15_000;

describe('on three nats-servers', () => {
  let folder: string;
  let servers: NatsCluster;
  let transport: NatsTransport;
  let opened = 0;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'shadowgrid-cluster-'));
    servers = await NatsCluster.start(folder);
    transport = await until(() => connectNats({ servers: servers.urls }));
    await until(() => natsKeyValue(transport, { bucket: 'ready', replicas: REPLICAS }));
  });
  afterAll(async () => {
    await transport?.close();
    await servers?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const already = { start: async () => undefined, stop: async () => undefined };
  storeSuite('nats', {
    ...already,
    open: () => natsKeyValue(transport, { bucket: `test${opened++}`, replicas: REPLICAS }),
  });
  commandLogSuite('nats', {
    ...already,
    open: (partitions) =>
      natsCommandLog(transport, { namespace: `test${opened++}`, partitions, replicas: REPLICAS }),
  });

  test('commands for later come once and not early, though the leader of their stream is killed', async () => {
    await using taker = await connectNats({ servers: servers.urls });
    const options = { namespace: 'killed', partitions: 1, replicas: REPLICAS };
    const log = await natsCommandLog(transport, options);
    const reader = await follow(await natsCommandLog(taker, options), Date.now, 0);
    const manager = await jetstreamManager(transport.connection);
    const { config, cluster } = await manager.streams.info('killed-commands');
    expect(config.allow_msg_schedules).toBe(true);
    const leader = Number(cluster?.leader?.replace('test-', '')) - 1;

    const start = Date.now();
    const dueMs = { before: 500, ...Object.fromEntries(after(100)), last: 10_000 };
    const entries = Object.entries(dueMs);
    await Promise.all(entries.map(([id, ms]) => log.append(later(id, start + ms, id))));
    await until(() => reader.ids().includes('before'));
    await servers.end(leader, 'SIGKILL');
    const killed = Date.now();
    await until(() => new Set(reader.ids()).size > 50, ELECTION_MS);
    servers.start(leader);
    await until(() => reader.ids().includes('last'), ELECTION_MS);
    await until(() => new Set(reader.ids()).size === entries.length, ELECTION_MS);

    const early = reader.came.filter(({ id, at }) => at < start + Number(new Map(entries).get(id)));
    expect(early).toEqual([]);
    const late = reader.came.filter(
      ({ id, at }) => at - Math.max(killed, start + Number(new Map(entries).get(id))) > ELECTION_MS,
    );
    expect(late).toEqual([]);
    expect(reader.ids().toSorted()).toEqual(entries.map(([id]) => id).toSorted());
    await reader.close();
  });

  /** Due while no server leads the stream, and after. */
  const after = (count: number) =>
    Array.from({ length: count }, (_, i): [string, number] => [`c${i}`, 1_000 + i * 60]);
});
