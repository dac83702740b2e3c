/** Both CommandLog drivers against the one suite, JetStream's on Debian's nats-server and on the newest, killed as well. */
import { describe, expect, test } from 'vitest';
import { ensureNatsServer } from '../../deploy/nats/mod.ts';
import {
  addressOf,
  connectNats,
  memoryCommandLog,
  type NatsTransport,
  natsCommandLog,
  partitionOf,
} from '../../runtime/mod.ts';
import { until } from '../support/until.ts';
import { collect, command, textsOf } from './commands-collect.ts';
import { debianNatsServer } from './commands-debian-server.ts';
import { commandLogSuite } from './commands-suite.ts';
import { startTestServer, type TestServer } from './transport-nats-server.ts';

commandLogSuite('memory', {
  start: async () => undefined,
  open: async (partitions) => memoryCommandLog({ partitions }),
  stop: async () => undefined,
});

for (const binary of [await ensureNatsServer(), await debianNatsServer()]) {
  if (binary === undefined) continue;
  const title = `nats ${binary.version}`;
  let server: TestServer;
  let transport: NatsTransport;
  let logs = 0;
  commandLogSuite(title, {
    start: async () => {
      server = await startTestServer(binary);
      transport = await connectNats({ servers: server.url });
    },
    open: (partitions) => natsCommandLog(transport, { namespace: `test${logs++}`, partitions }),
    stop: async () => {
      await transport.close();
      await server.stop();
    },
  });

  describe(title, () => {
    test('nothing confirmed is lost, and order is kept, when nats-server is killed', async () => {
      const nats = await startTestServer(binary);
      const sender = await connectNats({ servers: nats.url });
      const taker = await connectNats({ servers: nats.url });
      const log = await natsCommandLog(sender, { partitions: 1 });
      const confirmed: string[] = [];
      const appending = (async () => {
        for (let i = 0; ; i++) {
          await log.append(command('a', `a-${i}`));
          confirmed.push(`a-${i}`);
        }
      })().catch((error) => error);
      const reader = await collect(await natsCommandLog(taker, { partitions: 1 }), 0, {
        inFlight: 1_000_000,
      });
      await until(() => reader.taken.length >= 200);
      // Two in three are settled; one in three stays, and must not come twice to the same reader.
      for (const taken of reader.taken.filter(({ seq }) => seq % 3 !== 0)) void taken.settle();
      await nats.kill();
      expect(await appending).toMatchObject({ retryable: true });
      await until(() => sender.status === 'suspended' && taker.status === 'suspended');
      await expect(log.append(command('a', 'early'))).rejects.toMatchObject({ code: 'transport-suspended' });
      await nats.restart();
      await until(() => sender.status === 'connected');
      await log.append(command('a', 'after'));
      await until(() => textsOf(reader.taken).includes('after'));
      const texts = textsOf(reader.taken);
      expect(confirmed.filter((text) => !texts.includes(text))).toEqual([]);
      expect(new Set(texts).size).toBe(texts.length);
      const seqs = reader.taken.map(({ seq }) => seq);
      expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
      await Promise.all(reader.taken.map((taken) => taken.settle()));
      const next = await collect(log, 0);
      await log.append(command('a', 'next'));
      await until(() => next.taken.length > 0);
      expect(textsOf(next.taken)).toEqual(['next']);
      await until(() => reader.reason?.code === 'commands-taken-over');
      await next.close();
      await sender.close();
      await taker.close();
      await nats.stop();
    });

    test('a reader whose connection is lost again and again misses nothing and gets nothing twice', async () => {
      const nats = await startTestServer(binary);
      const sender = await connectNats({ servers: nats.url });
      const taker = await connectNats({ servers: nats.url });
      const log = await natsCommandLog(sender, { partitions: 1 });
      const reader = await collect(await natsCommandLog(taker, { partitions: 1 }), 0, { inFlight: 50 });
      let settled = 0;
      let appended = 0;
      for (let round = 0; round < 6; round++) {
        const appending = Array.from({ length: 200 }, () => log.append(command('a', `a-${appended++}`)));
        await until(() => {
          for (; settled < reader.taken.length; settled++) void reader.taken[settled]?.settle();
          return reader.taken.length > round * 200 + 60;
        });
        await taker.connection.reconnect();
        await Promise.all(appending);
      }
      await until(() => {
        for (; settled < reader.taken.length; settled++) void reader.taken[settled]?.settle();
        return reader.taken.length === appended;
      });
      expect(textsOf(reader.taken)).toEqual(Array.from({ length: appended }, (_, i) => `a-${i}`));
      await Promise.all(reader.taken.map((taken) => taken.settle()));

      // While it is away for longer, another one reads.
      const other = await collect(log, 0);
      await taker.connection.reconnect();
      await until(() => reader.reason?.code === 'commands-taken-over');
      await log.append(command('a', 'end'));
      await until(() => other.taken.length > 0);
      expect(textsOf(other.taken)).toEqual(['end']);
      await other.close();
      await sender.close();
      await taker.close();
      await nats.stop();
    });

    test('refuses another number of partitions, and ends the reader when the log is gone', async () => {
      const nats = await startTestServer(binary);
      const connection = await connectNats({ servers: nats.url });
      const log = await natsCommandLog(connection, { partitions: 3 });
      await natsCommandLog(connection, { partitions: 3 });
      await expect(natsCommandLog(connection, { partitions: 4 })).rejects.toMatchObject({
        code: 'partitions-mismatch',
        field: 'partitions',
      });
      const to = addressOf('job', 'a');
      const reader = await collect(log, partitionOf(to, 3));
      await log.append(command('a', 'x'));
      await until(() => reader.taken.length === 1);
      const { jetstreamManager } = await import('@nats-io/jetstream');
      await (await jetstreamManager(connection.connection)).streams.delete('shadowgrid-commands');
      await until(() => reader.reason !== undefined);
      await reader.taken[0]?.settle();
      await expect(log.append(command('a', 'y'))).rejects.toMatchObject({ code: 'store-unavailable' });
      await connection.close();
      await nats.stop();
    });
  });
}
