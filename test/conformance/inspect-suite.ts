/** What inspection promises on any transport: views wherever an actor is kept, a live stream, and its end. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { assign, emit, setup } from 'xstate';
import { z } from 'zod';
import {
  type ActorSystem,
  createActorSystem,
  createMux,
  defineActor,
  type GridError,
  InspectionClient,
  type InspectionRecord,
  type KeyValue,
  type Mux,
  serveInspection,
  systemClock,
  type WatchBatch,
  type WatchRecord,
} from '../../runtime/mod.ts';
import { until } from '../support/until.ts';
import type { Drivers } from './drivers.ts';
import { storedAt } from './placed.ts';

const message = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('press') }),
  z.strictObject({ type: z.literal('read') }),
  z.strictObject({ type: z.literal('end') }),
  z.strictObject({ type: z.literal('burst') }),
]);
const machine = setup({
  types: {
    context: {} as { presses: number; seen: Map<string, number> },
    events: {} as z.infer<typeof message>,
    emitted: {} as { type: 'pressed' },
  },
  actions: {
    burst: () => {
      throw new Error('too much');
    },
  },
}).createMachine({
  id: 'button',
  context: { presses: 0, seen: new Map([['a', 1]]) },
  on: { end: '.gone', burst: { actions: 'burst' } },
  initial: 'up',
  states: {
    up: {
      on: {
        press: {
          target: 'down',
          actions: [assign({ presses: ({ context }) => context.presses + 1 }), emit({ type: 'pressed' })],
        },
      },
    },
    down: { on: { press: 'up' }, after: { 3600000: 'up' } },
    gone: { type: 'final' },
  },
});
const replies = {
  read: ({ context }: { context: { presses: number } }) => ({ presses: context.presses }),
};
const button = defineActor({ kind: 'button', machine, message, replies, durability: 'volatile' });

const lampMessage = z.object({ type: z.literal('light') });
const lamp = defineActor({
  kind: 'lamp',
  message: lampMessage,
  machine: setup({
    types: { context: {} as { lit: number }, events: {} as z.infer<typeof lampMessage> },
  }).createMachine({
    context: { lit: 0 },
    initial: 'dark',
    states: { dark: { on: { light: 'lit' } }, lit: { on: { light: 'spent' } }, spent: { type: 'final' } },
  }),
  passivation: { afterMs: 20 },
});

export function inspectionSuite(name: string, setting: Drivers): void {
  describe(`inspection over ${name}`, { timeout: 30_000 }, () => {
    let given: {
      system: ActorSystem;
      store: KeyValue;
      client: InspectionClient;
      mux: Mux;
      listeners: () => number;
    };
    let ends: (() => Promise<void>)[] = [];
    let serial = 0;

    beforeAll(() => setting.start());
    afterAll(() => setting.stop());

    beforeEach(async () => {
      serial += 1;
      const [ours, theirs] = [await setting.connect(), await setting.connect()];
      const store = await setting.store(ours, `inspect-${serial}`);
      const system = createActorSystem({ transport: ours, store, node: 'n1' });
      system.register(button, {
        onEffect: (_, { system }) => void system.ref(lamp, 'l').tell({ type: 'light' }),
      });
      system.register(lamp);
      const listeners = counted(system);
      serveInspection(system, { clock: systemClock });
      const mux = createMux(theirs);
      const client = new InspectionClient(mux);
      given = { system, store, mux, client, listeners };
      // Until the server knows what our side serves.
      await until(() => client.node().catch(() => undefined));
      ends = [() => mux.close(), () => system.stop(), () => theirs.close(), () => ours.close()];
    });
    afterEach(async () => {
      for (const end of ends) await end();
    });

    test('lists nodes, kinds and actors, page by page', async () => {
      const { system, client } = given;
      for (const key of ['c', 'a', 'b']) await system.spawn(button, key);
      await system.spawn(lamp, 'l');
      const node = await client.node();
      expect(node).toMatchObject({
        node: 'n1',
        kinds: [
          { kind: 'button', durability: 'volatile', live: 3 },
          { kind: 'lamp', durability: 'durable', live: 1 },
        ],
      });
      const first = await client.actors('n1', { limit: 2 });
      expect(first.actors.map(({ address }) => address)).toEqual(['button/a', 'button/b']);
      const rest = await client.actors('n1', { after: first.next ?? '' });
      expect(rest.actors).toMatchObject([
        { address: 'button/c', standing: 'live', state: 'up', cell: { mailbox: { depth: 0, bound: 1024 } } },
        { address: 'lamp/l', state: 'dark' },
      ]);
      expect(rest.next).toBeUndefined();
      expect((await client.actors('n1', { kind: 'lamp' })).actors).toHaveLength(1);
    });

    test('shows one actor: state, context as plain values, timers, failures, chart', async () => {
      const { system, client } = given;
      const ref = await system.spawn(button, 'a');
      await ref.ask({ type: 'burst' }).catch(() => undefined);
      await ref.ask({ type: 'press' });
      const view = await client.actor('n1', 'button/a');
      expect(view).toMatchObject({
        node: 'n1',
        standing: 'live',
        state: 'down',
        durability: 'volatile',
        context: { presses: 1, seen: { a: 1 } },
        cut: [],
        cell: { phase: 'live', mailbox: { depth: 0 } },
        timers: [{ after: '3600000' }],
        restarts: { limit: 5 },
      });
      expect(view.cell?.failures).toHaveLength(1);
      const chart = await client.chart('n1', view);
      expect(chart.hash).toBe(view.chart);
      expect(chart.states.map(({ path }) => path)).toEqual(['', 'up', 'down', 'gone']);
      expect(await client.chart('n1', view)).toBe(chart);
    });

    test('shows actors that rest or have finished without waking them', async () => {
      const { system, client } = given;
      const ref = await system.spawn(lamp, 'l');
      await ref.ask({ type: 'light' });
      await until(() => system.actors(lamp).length === 0);
      expect(await client.actor('n1', 'lamp/l')).toMatchObject({ standing: 'resting', state: 'lit' });
      expect(system.actors(lamp)).toEqual([]);
      await ref.ask({ type: 'light' });
      expect(await client.actor('n1', 'lamp/l')).toMatchObject({ standing: 'finished', state: 'spent' });
      expect((await client.actors('n1')).actors).toMatchObject([{ standing: 'finished', state: 'spent' }]);
    });

    test('says why an actor is halted or parked', async () => {
      const { system, client, store } = given;
      const ref = await system.spawn(button, 'a');
      for (let i = 0; i < 6; i++) await ref.ask({ type: 'burst' }).catch(() => undefined);
      expect(await client.actor('n1', 'button/a')).toMatchObject({
        standing: 'halted',
        error: { code: 'actor-failed' },
        cut: [],
      });
      await store.put(storedAt(lamp, 'p'), new Uint8Array([0xc0]));
      expect(await client.actor('n1', 'lamp/p')).toMatchObject({
        standing: 'parked',
        error: { code: 'snapshot-incompatible' },
      });
      expect((await client.actors('n1', { kind: 'lamp' })).actors).toMatchObject([{ standing: 'parked' }]);
    });

    test('sends a message and brings the answer', async () => {
      const { system, client } = given;
      await system.spawn(button, 'a');
      expect(await client.send('n1', 'button/a', { type: 'press' })).toEqual({ cut: [] });
      expect(await client.send('n1', 'button/a', { type: 'read' })).toMatchObject({ answer: { presses: 1 } });
    });

    test('refuses what is wrong by a code and the field', async () => {
      const { system, client, mux } = given;
      await system.spawn(button, 'a');
      const wrong = (what: string, body: object) =>
        refusal(mux.request(`shadowgrid.inspect.n1.${what}`, body));
      expect(await wrong('actors', { colour: 1 })).toMatchObject({
        code: 'malformed-message',
        field: 'colour',
        hint: 'known are kind, limit, after',
      });
      expect(await wrong('actors', { limit: 0 })).toMatchObject({ field: 'limit' });
      expect(await wrong('actors', { kind: 'none' })).toMatchObject({ code: 'unknown-kind', field: 'kind' });
      expect(await wrong('actor', { address: 'nobody' })).toMatchObject({ field: 'address' });
      expect(await wrong('actor', { address: 'button/z' })).toMatchObject({ code: 'no-such-actor' });
      expect(await wrong('chart', {})).toMatchObject({ field: 'kind' });
      expect(await wrong('send', { address: 'button/a', message: {} })).toMatchObject({
        field: 'message.type',
      });
      expect(
        await wrong('send', { address: 'button/a', message: { type: 'press', hard: true } }),
      ).toMatchObject({ code: 'malformed-message' });
      const query = { addresses: ['button'] };
      expect(await refusal(first(client.watch('n1', query)))).toMatchObject({ field: 'addresses.0' });
      expect(await refusal(first(client.watch('n1', { sample: 2 })))).toMatchObject({ field: 'sample' });
      expect(given.listeners()).toBe(0);
    });

    test('streams what happens, with the cause that the records have in common', async () => {
      const { system, client } = given;
      await using watching = await watch(client);
      await system.spawn(lamp, 'l');
      const ref = await system.spawn(button, 'a');
      await ref.ask({ type: 'press' }, { cause: 'c-1' });
      const records = await watching.until(
        ({ address, kind }) => address.startsWith('lamp/') && kind === 'transition',
      );
      expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
      expect(records.every(({ id }) => id.startsWith('n1-'))).toBe(true);
      const caused = records.filter(({ cause }) => cause === 'c-1');
      expect(caused.map(({ address, kind, type }) => `${address} ${kind} ${type ?? ''}`.trim())).toEqual([
        'button/a received press',
        'button/a transition press',
        'button/a effect pressed',
        'lamp/l received light',
        'lamp/l stored',
        'lamp/l transition light',
      ]);
      expect(caused.at(-1)).toMatchObject({ from: 'dark', to: 'lit' });
      await ref.ask({ type: 'burst' }, { cause: 'c-2' }).catch(() => undefined);
      await ref.ask({ type: 'end' }, { cause: 'c-3' });
      const all = await watching.until(
        ({ address, kind }) => address.startsWith('button/') && kind === 'stopped',
      );
      expect(all.find(({ kind }) => kind === 'failed')).toMatchObject({ type: 'actor-failed', cause: 'c-2' });
      expect(all.find(({ type }) => type === 'finished')).toMatchObject({ kind: 'stopped', cause: 'c-3' });
    });

    test('ends by itself when the watcher leaves, and when its connection is gone', async () => {
      const { client, listeners } = given;
      const watching = await watch(client);
      expect(listeners()).toBe(1);
      await watching[Symbol.asyncDispose]();
      await until(() => listeners() === 0);
      const gone = await setting.connect();
      const lost = await watch(new InspectionClient(createMux(gone)));
      expect(listeners()).toBe(1);
      // As a process that is killed: nobody says good-bye.
      await gone.close();
      await until(async () => {
        await given.system.spawn(button, crypto.randomUUID());
        return listeners() === 0;
      });
      expect(await lost.ended).toMatchObject({ code: 'transport-suspended' });
    });

    test('drops records of a flood instead of holding actors up, and says how many', async () => {
      const { system, client } = given;
      const ref = await system.spawn(button, 'a');
      await using watching = await watch(client, { kinds: ['received'], bound: 100 });
      for (let round = 0; round < 10; round++) {
        await Promise.all(Array.from({ length: 500 }, () => ref.ask({ type: 'read' })));
      }
      let seen = 0;
      await until(() => {
        seen = watching.records.reduce(
          (sum, record) => sum + (record.kind === 'dropped' ? record.count : 1),
          0,
        );
        return seen >= 5_000;
      });
      expect(seen).toBe(5_000);
      expect(watching.records.some(({ kind }) => kind === 'dropped')).toBe(true);
    });
  });
}

/** How many listen to a system from now on. */
function counted(system: ActorSystem): () => number {
  let listening = 0;
  const inspect = system.inspect.bind(system);
  system.inspect = (listener) => {
    listening += 1;
    const forget = inspect(listener);
    let forgotten = false;
    return () => {
      if (!forgotten) listening -= 1;
      forgotten = true;
      forget();
    };
  };
  return () => listening;
}

/** Watches and keeps everything; stands when this resolves. */
async function watch(client: InspectionClient, query = {}) {
  const records: WatchRecord[] = [];
  const leaving = new AbortController();
  const iterator = client.watch('n1', query, { signal: leaving.signal })[Symbol.asyncIterator]();
  const opened = await iterator.next();
  expect(opened.value).toEqual({ node: 'n1', records: [] });
  const ended = (async () => {
    for (let step = await iterator.next(); !step.done; step = await iterator.next()) {
      records.push(...(step.value as WatchBatch).records);
    }
  })().catch((error: GridError) => error);
  return {
    records,
    /** With what broke it. */
    ended,
    until: (is: (record: InspectionRecord) => boolean) =>
      until(() => {
        const told = records.filter((record) => record.kind !== 'dropped');
        return told.some(is) ? told : undefined;
      }),
    [Symbol.asyncDispose]: async () => {
      leaving.abort();
      await ended;
    },
  };
}

async function first(stream: AsyncIterable<unknown>): Promise<unknown> {
  for await (const item of stream) return item;
  return undefined;
}

/** What a call is refused with, on the wire. */
async function refusal(call: Promise<unknown>): Promise<unknown> {
  const error = await call.then(
    (answer) => expect.unreachable(`answered ${JSON.stringify(answer)}`),
    (thrown: GridError) => thrown,
  );
  return (error as GridError).toWire();
}
