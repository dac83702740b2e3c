/** Commands for later on JetStream whose server is killed, restarted and replaced by a newer one. */
import { jetstreamManager } from '@nats-io/jetstream';
import { afterEach, describe, expect, test } from 'vitest';
import { assign, setup } from 'xstate';
import { z } from 'zod';
import { ensureNatsServer } from '../../deploy/nats/mod.ts';
import {
  addressOf,
  connectNats,
  createActorSystem,
  defineActor,
  type NatsTransport,
  natsCommandLog,
  natsKeyValue,
} from '../../runtime/mod.ts';
import { until } from '../support/until.ts';
import { debianNatsServer } from './commands-debian-server.ts';
import { follow, later, SOON_MS } from './commands-later-suite.ts';
import { startTestServer, type TestServer } from './transport-nats-server.ts';

const message = z.object({ type: z.literal('count'), n: z.number() });
const machine = setup({
  types: { context: {} as { handled: readonly number[] }, events: {} as z.infer<typeof message> },
}).createMachine({
  context: { handled: [] },
  on: { count: { actions: assign({ handled: ({ context, event }) => [...context.handled, event.n] }) } },
});
const tally = defineActor({ kind: 'tally', machine, message });

const to = addressOf('job', 'a');
const newest = await ensureNatsServer();
const oldest = await debianNatsServer();

let nats: TestServer;
const connections: NatsTransport[] = [];
async function connect(): Promise<NatsTransport> {
  const connection = await connectNats({ servers: nats.url });
  connections.push(connection);
  return connection;
}
/** Commands, waiting and not, in all streams. */
async function stored({ connection }: NatsTransport): Promise<number> {
  const { streams } = await jetstreamManager(connection);
  let messages = 0;
  for await (const { state } of streams.list()) messages += state.messages;
  return messages;
}

afterEach(async () => {
  for (const connection of connections.splice(0)) await connection.close();
  await nats.stop();
});

for (const binary of [newest, oldest]) {
  if (binary === undefined) continue;
  describe(`commands for later on nats ${binary.version}`, () => {
    test('come at their time, once, in spite of SIGKILL and restart of the server', async () => {
      nats = await startTestServer(binary);
      const log = await natsCommandLog(await connect(), { partitions: 1 });
      const taker = await connect();
      const reader = await follow(await natsCommandLog(taker, { partitions: 1 }), Date.now, 0);
      const start = Date.now();
      await log.append(later('before', start + 200));
      await log.append(later('while it is down', start + 1_800));
      await log.append(later('after', start + 4_000));
      await log.append(later('taken back', start + 600_000));
      await log.append(later('taken back before', start + 600_000));
      await until(() => reader.came.length === 1);
      // A server that dies at this very moment may give it a second time.
      await until(async () => (await stored(taker)) === 4);
      expect(await log.cancel({ id: 'taken back before', to })).toBe(true);
      await nats.kill();
      await until(() => taker.status === 'suspended');
      const suspended = log.append(later('early', start + 4_000));
      await expect(suspended).rejects.toMatchObject({ code: 'transport-suspended' });
      await until(() => Date.now() > start + 1_900);
      await nats.restart();
      const restarted = Date.now();
      await until(() => connections.every(({ status }) => status === 'connected'));
      expect(await log.cancel({ id: 'taken back', to })).toBe(true);
      await until(() => reader.came.length === 3);
      expect(reader.ids()).toEqual(['before', 'while it is down', 'after']);
      expect((reader.came[1]?.at ?? 0) - restarted).toBeLessThan(SOON_MS);
      const after = (reader.came[2]?.at ?? 0) - start;
      expect(after).toBeGreaterThanOrEqual(4_000);
      expect(after).toBeLessThan(4_000 + SOON_MS);
      await log.append(later('end', Date.now()));
      await until(() => reader.came.length === 4);
      expect(reader.ids().at(-1)).toBe('end');
    });

    test('are handled once by their actor, though the server is killed again and again as they are due', async () => {
      nats = await startTestServer(binary);
      const transport = await connect();
      const commands = await natsCommandLog(transport, { partitions: 2 });
      const store = await natsKeyValue(transport, { bucket: 'actors' });
      const system = createActorSystem({ transport, store, node: 'n', commands });
      system.register(tally);
      await system.join();
      const ref = await system.spawn(tally, 't');
      const given = Array.from({ length: 60 }, (_, i) => i);
      const start = Date.now();
      await Promise.all(given.map((n) => ref.command({ type: 'count', n }, { at: start + 500 + n * 100 })));
      for (const ms of [1_200, 3_000, 4_800]) {
        await until(() => Date.now() > start + ms);
        await nats.kill();
        await nats.restart();
      }
      const handled = () => system.snapshot(tally, 't')?.context.handled ?? [];
      const all = () => new Set(handled()).size === given.length;
      await until(all, 40_000);
      await ref.command({ type: 'count', n: -1 }, { afterMs: 1_000 });
      await until(() => handled().includes(-1), 40_000);
      expect(handled().toSorted((a, b) => a - b)).toEqual([-1, ...given]);
      await system.stop();
    }, 120_000);

    test('wait for nobody: what was due while no process was there comes to the next, with nothing left behind', async () => {
      nats = await startTestServer(binary);
      const sender = await connect();
      const log = await natsCommandLog(sender, { partitions: 1 });
      const start = Date.now();
      await Promise.all(
        Array.from({ length: 300 }, (_, i) => log.append(later(`c${i}`, start + 300 + i, `k${i}`))),
      );
      await sender.close();
      await until(() => Date.now() > start + 700);
      const taker = await connect();
      const reader = await follow(await natsCommandLog(taker, { partitions: 1 }), Date.now, 0);
      await until(() => reader.came.length === 300);
      expect(new Set(reader.ids()).size).toBe(300);
      await until(async () => (await stored(taker)) === 0);
    });
  });
}

/** 2.12 brought schedules. */
const isBefore = oldest !== undefined && /^2\.(9|10|11)\./.test(oldest.version);

test.runIf(isBefore)(
  'a server that learns of schedules: what waited comes, and can be taken back; what is new is scheduled',
  async () => {
    nats = await startTestServer(oldest);
    const before = await connect();
    const log = await natsCommandLog(before, { partitions: 1 });
    const start = Date.now();
    await log.append(later('waited', start + 2_500));
    await log.append(later('taken back', start + 2_500));
    await log.append({ id: 'plain', to, data: later('plain', 0).data });
    await before.close();
    await nats.kill();
    await nats.restart(newest);
    const now = await connect();
    const upgraded = await natsCommandLog(now, { partitions: 1 });
    const { streams } = await jetstreamManager(now.connection);
    expect((await streams.info('shadowgrid-commands')).config.allow_msg_schedules).toBe(true);
    const reader = await follow(upgraded, Date.now, 0);
    await upgraded.append(later('scheduled', start + 3_500));
    expect((await streams.info('shadowgrid-later')).state.messages).toBe(2);
    expect(await upgraded.cancel({ id: 'taken back', to })).toBe(true);
    await until(() => reader.came.length === 3);
    expect(reader.ids()).toEqual(['plain', 'waited', 'scheduled']);
    expect((await streams.info('shadowgrid-later')).state.messages).toBe(0);
  },
);
