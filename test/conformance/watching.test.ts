/** Watching over NATS: a stream outlives the nodes that its actor lives on, and the server. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { assign, setup } from 'xstate';
import { z } from 'zod';
import {
  type ActorSystem,
  connectNats,
  createActorSystem,
  defineActor,
  natsKeyValue,
} from '../../runtime/mod.ts';
import { until } from '../support/until.ts';
import { startTestServer, type TestServer } from './transport-nats-server.ts';

const counter = defineActor({
  kind: 'counter',
  machine: setup({ types: { context: {} as { total: number } } }).createMachine({
    context: { total: 0 },
    on: { add: { actions: assign({ total: ({ context }) => context.total + 1 }) } },
  }),
  message: z.object({ type: z.literal('add') }),
  view: ({ context }) => context.total,
});

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

async function connect() {
  const transport = await connectNats({ servers: server.url });
  onTestFinished(() => transport.close());
  return transport;
}

async function join(node: string) {
  const transport = await connect();
  const system = createActorSystem({
    transport,
    node,
    store: await natsKeyValue(transport, { bucket: 'actors' }),
    cluster: {
      store: await natsKeyValue(transport, { bucket: 'cluster' }),
      ttlMs: 2_000,
      heartbeatMs: 200,
    },
  });
  onTestFinished(() => system.stop());
  system.register(counter);
  await system.join();
  return { system, transport };
}

const owner = (nodes: readonly ActorSystem[], key: string) => nodes.find((node) => node.owns(counter, key));

test('a stream goes on when its node drains, when one dies, and when the server was away', async () => {
  const [a, b] = [await join('a'), await join('b')];
  const transport = await connect();
  const client = createActorSystem({
    transport,
    node: 'client',
    store: await natsKeyValue(transport, { bucket: 'actors' }),
    awaitOwner: true,
  });
  onTestFinished(() => client.stop());
  const ref = await client.spawn(counter, 'c');
  const items: number[] = [];
  let over: unknown;
  void (async () => {
    for await (const total of ref.watch()) items.push(total);
  })().then(
    () => {
      over = 'ended';
    },
    (error) => {
      over = error;
    },
  );
  let total = 0;
  const add = async () => {
    await ref.ask({ type: 'add' }, { deadlineMs: 20_000 });
    total += 1;
    await until(() => items.at(-1) === total || over !== undefined);
  };
  await until(() => items.length === 1);
  await add();

  const first = owner([a.system, b.system], 'c');
  await first?.stop();
  await add();

  await server.kill();
  await until(() => transport.status === 'suspended');
  await server.restart();
  await until(() => transport.status === 'connected');
  await add();

  const second = first === a.system ? b : a;
  const third = await join('d');
  // Gone without a word: its lease runs out.
  await second.transport.close();
  await until(() => third.system.owns(counter, 'c'));
  await add();
  expect(over).toBeUndefined();
  expect(items).toEqual([0, 1, 2, 3, 4]);
});
