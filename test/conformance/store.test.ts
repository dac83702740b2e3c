/** Both KeyValue drivers against the one suite; JetStream's through a SIGKILL of the server as well. */
import { expect, test } from 'vitest';
import {
  connectNats,
  memoryKeyValue,
  type NatsTransport,
  natsKeyValue,
  TransportSuspended,
} from '../../runtime/mod.ts';
import { until } from '../support/until.ts';
import { storeSuite } from './store-suite.ts';
import { startTestServer, type TestServer } from './transport-nats-server.ts';

storeSuite('memory', {
  start: async () => undefined,
  open: async () => memoryKeyValue(),
  stop: async () => undefined,
});

let server: TestServer;
let transport: NatsTransport;
let buckets = 0;
storeSuite('nats', {
  start: async () => {
    server = await startTestServer();
    transport = await connectNats({ servers: server.url });
  },
  open: () => natsKeyValue(transport, { bucket: `test-${buckets++}` }),
  stop: async () => {
    await transport.close();
    await server.stop();
  },
});

test('nothing confirmed is lost when nats-server is killed', async () => {
  const nats = await startTestServer();
  const connection = await connectNats({ servers: nats.url });
  const store = await natsKeyValue(connection, { bucket: 'durable' });
  const confirmed: string[] = [];
  const seen: string[] = [];
  await store.watch('key.*', ({ key }) => seen.push(key));
  const writing = (async () => {
    for (let i = 0; i < 2_000; i++) {
      await store.create(`key.${i}`, new Uint8Array([i & 255]));
      confirmed.push(`key.${i}`);
    }
  })().catch((error) => error);
  await until(() => confirmed.length >= 100);
  await nats.kill();
  expect(await writing).toMatchObject({ retryable: true });
  await until(() => connection.status === 'suspended');
  await expect(store.get('key.0')).rejects.toThrow(TransportSuspended);
  await nats.restart();
  await until(() => connection.status === 'connected');
  const kept = new Set(await store.keys('key.*'));
  expect(confirmed.filter((key) => !kept.has(key))).toEqual([]);
  await store.put('key.after', new Uint8Array());
  await until(() => seen.includes('key.after'));
  await connection.close();
  await nats.stop();
});
