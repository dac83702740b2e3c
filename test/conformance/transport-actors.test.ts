/** Actors of another node under load: their messages share frames, and a node that takes over is found by subject. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assign, setup } from 'xstate';
import { z } from 'zod';
import {
  connectNats,
  createActorSystem,
  defineActor,
  MemoryBus,
  memoryKeyValue,
  type Transport,
} from '../../runtime/mod.ts';
import { until } from '../support/until.ts';
import { startTestServer, type TestServer } from './transport-nats-server.ts';

const message = z.discriminatedUnion('type', [
  z.object({ type: z.literal('add'), amount: z.number() }),
  z.object({ type: z.literal('read') }),
]);
const counter = defineActor({
  kind: 'counter',
  machine: setup({
    types: { context: {} as { total: number }, events: {} as z.infer<typeof message> },
  }).createMachine({
    context: { total: 0 },
    on: { add: { actions: assign({ total: ({ context, event }) => context.total + event.amount }) } },
  }),
  message,
  replies: { add: ({ context }) => context.total, read: ({ context }) => context.total },
});

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const bus = new MemoryBus();
const drivers: Record<string, () => Promise<Transport>> = {
  memory: async () => bus.connect(),
  nats: () => connectNats({ servers: server.url }),
};

describe.each(Object.entries(drivers))('actors of another node, %s', (_, connect) => {
  test('answer each in order; after their node left, the next one answers', async () => {
    const store = memoryKeyValue();
    await using firstTransport = await connect();
    await using secondTransport = await connect();
    await using callerTransport = await connect();
    const first = createActorSystem({ transport: firstTransport, store, node: 'first' });
    first.register(counter);
    for (let i = 0; i < 10; i++) await first.spawn(counter, `c${i}`);
    await firstTransport.flush();
    await using caller = createActorSystem({
      transport: callerTransport,
      store: memoryKeyValue(),
      node: 'caller',
    });
    const actors = Array.from({ length: 10 }, (_, i) => caller.ref(counter, `c${i}`));
    await until(() =>
      actors[0]!.ask({ type: 'read' }).then(
        () => true,
        () => false,
      ),
    );

    const published: string[] = [];
    const publish = callerTransport.publish.bind(callerTransport);
    callerTransport.publish = (...sent) => {
      published.push(sent[0]);
      publish(...sent);
    };
    const addToAll = (times: number) =>
      Promise.all(
        actors.map((actor) =>
          Promise.all(Array.from({ length: times }, () => actor.ask({ type: 'add', amount: 1 }))),
        ),
      );
    await addToAll(1);
    published.length = 0;
    const totals = await addToAll(20);
    expect(totals).toEqual(actors.map(() => Array.from({ length: 20 }, (_, i) => i + 2)));
    expect(published.length).toBeLessThan(20);
    expect(
      await Promise.allSettled(actors.map((actor) => actor.ask({ type: 'nonsense' } as never))),
    ).toMatchObject(actors.map(() => ({ reason: { code: 'malformed-message', field: 'type' } })));

    await first.stop();
    await using second = createActorSystem({ transport: secondTransport, store, node: 'second' });
    second.register(counter);
    await Promise.all([firstTransport.flush(), secondTransport.flush()]);
    expect(await Promise.all(actors.map((actor) => actor.ask({ type: 'read' })))).toEqual(
      actors.map(() => 21),
    );
  });
});
