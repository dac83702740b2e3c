/** What actors must do on every pair of drivers. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { assign, emit, type SnapshotFrom, setup } from 'xstate';
import { z } from 'zod';
import {
  ActorExists,
  type ActorSystem,
  type ActorSystemOptions,
  createActorSystem,
  defineActor,
  type FailureReport,
  type KeyValue,
  NoSuchActor,
  type Transport,
} from '../../runtime/mod.ts';
import { until } from '../support/until.ts';
import type { Drivers } from './drivers.ts';
import { reachedAt, storedAt } from './placed.ts';

const message = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ship'), to: z.string().min(1) }),
  z.object({ type: z.literal('shipped') }),
  z.object({ type: z.literal('lost') }),
  z.object({ type: z.literal('read') }),
]);

const machine = setup({
  types: {
    context: {} as { item: string; to: string | null },
    events: {} as z.infer<typeof message>,
    input: {} as { item: string },
    emitted: {} as { type: 'carry'; to: string },
  },
}).createMachine({
  context: ({ input }) => ({ item: input.item, to: null }),
  initial: 'packed',
  states: {
    packed: {
      on: {
        ship: {
          target: 'shipping',
          actions: [
            assign({ to: ({ event }) => event.to }),
            emit(({ event }) => ({ type: 'carry', to: event.to })),
          ],
        },
      },
    },
    shipping: {
      on: {
        shipped: 'delivered',
        lost: {
          actions: () => {
            throw new Error('lost at sea');
          },
        },
      },
    },
    delivered: { type: 'final' },
  },
});

const parcelOptions = {
  kind: 'parcel',
  machine,
  message,
  replies: {
    read: ({ value, context }: SnapshotFrom<typeof machine>) => ({
      state: value,
      to: context.to,
      item: context.item,
    }),
  },
};
const parcel = defineActor(parcelOptions);

export function cellSuite(name: string, driver: Drivers): void {
  describe(`actors on ${name}`, () => {
    const open: AsyncDisposable[] = [];
    let store: KeyValue;
    let transport: Transport;
    let round = 0;
    const connect = async () => {
      const connected = await driver.connect();
      open.push(connected);
      return connected;
    };
    const node = (id: string, options: Partial<ActorSystemOptions> = {}) => {
      const system = createActorSystem({ transport, store, node: id, ...options });
      open.push(system);
      return system;
    };
    const withParcels = (system: ActorSystem) => {
      const carried: string[] = [];
      const resumed: string[] = [];
      system.register(parcel, {
        onEffect: ({ to }, { self }) => {
          carried.push(to);
          if (to === 'moon') throw new Error('too far');
          if (to !== 'nowhere') void self.tell({ type: 'shipped' });
        },
        onResume: ({ value, context }) => {
          resumed.push(`${value}:${context.to}`);
        },
      });
      return { carried, resumed };
    };
    beforeAll(() => driver.start());
    afterAll(() => driver.stop());
    beforeEach(async () => {
      transport = await connect();
      store = await driver.store(transport, `round-${round++}`);
    });
    afterEach(async () => {
      for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
    });

    test('are stored before they answer and before their effects run', async () => {
      const system = node('a');
      const order: string[] = [];
      system.inspect(({ kind, type }) => order.push(type === undefined ? kind : `${kind} ${type}`));
      const { carried } = withParcels(system);
      const ref = await system.spawn(parcel, 'p1', { item: 'book' });
      expect(await store.get(storedAt(parcel, 'p1'))).toBeDefined();
      expect(await ref.ask({ type: 'read' })).toEqual({ state: 'packed', to: null, item: 'book' });
      await ref.ask({ type: 'ship', to: 'oslo' });
      expect(carried).toEqual(['oslo']);
      await until(() => system.actors(parcel).length === 0);
      expect(await ref.ask({ type: 'read' })).toEqual({ state: 'delivered', to: 'oslo', item: 'book' });
      const effect = order.indexOf('effect carry');
      expect(order.slice(effect - 2, effect)).toEqual(['stored', 'transition ship']);
      expect(order.at(-1)).toBe('stopped finished');
    });

    test('exist once', async () => {
      const system = node('a');
      withParcels(system);
      const tries = await Promise.allSettled(
        Array.from({ length: 10 }, () => system.spawn(parcel, 'p1', { item: 'book' })),
      );
      expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      await system.stop();
      const other = node('b');
      withParcels(other);
      await expect(other.spawn(parcel, 'p1', { item: 'book' })).rejects.toThrow(ActorExists);
      expect(await other.ref(parcel, 'p1').ask({ type: 'read' })).toMatchObject({ state: 'packed' });
      await expect(other.ref(parcel, 'p2').ask({ type: 'read' })).rejects.toThrow(NoSuchActor);
    });

    test('are reached from another node, and refuse what their schema refuses', async () => {
      const system = node('a');
      withParcels(system);
      await system.spawn(parcel, 'p1', { item: 'book' });
      const far = createActorSystem({ transport: await connect(), store, node: 'far' });
      open.push(far);
      const ref = far.ref(parcel, 'p1');
      await ref.tell({ type: 'ship', to: 'nowhere' });
      expect(await ref.ask({ type: 'read' })).toMatchObject({ state: 'shipping' });
      await expect(ref.ask({ type: 'ship', to: '' })).rejects.toMatchObject({
        code: 'malformed-message',
        field: 'to',
      });
      await expect(far.ref(parcel, 'none').ask({ type: 'read' })).rejects.toMatchObject({
        code: 'no-such-actor',
      });
      await expect(far.mux.request(reachedAt(parcel, 'p1'), { v: 2 })).rejects.toMatchObject({
        code: 'malformed-message',
        field: 'v',
      });
    });

    test('come back after a restart and go on with what is due', async () => {
      const first = node('a');
      withParcels(first);
      const ref = await first.spawn(parcel, 'p1', { item: 'book' });
      await first.spawn(parcel, 'p2', { item: 'cup' });
      const done = await first.spawn(parcel, 'p3', { item: 'hat' });
      await ref.ask({ type: 'ship', to: 'nowhere' });
      await done.ask({ type: 'ship', to: 'oslo' });
      await until(() => first.actors(parcel).length === 2);
      await first.stop();

      const second = node('b');
      const { carried, resumed } = withParcels(second);
      await store.put(storedAt(parcel, 'broken'), new Uint8Array([0xc1]));
      const report = await second.resume(parcel);
      expect(report.resumed.toSorted()).toEqual(['p1', 'p2']);
      expect(report.finished).toEqual(['p3']);
      expect(report.parked).toMatchObject([{ key: 'broken' }]);
      expect(resumed.toSorted()).toEqual(['packed:null', 'shipping:nowhere']);
      expect(carried).toEqual([]);
      const all = await second.stored(parcel);
      expect(all.map(({ key, snapshot }) => `${key} ${snapshot.value}`).toSorted()).toEqual([
        'p1 shipping',
        'p2 packed',
        'p3 delivered',
      ]);
    });

    test('start where their input says, with the effects of a resumption', async () => {
      const system = node('a');
      const resumed: string[] = [];
      const sent = defineActor({
        ...parcelOptions,
        start: ({ item }: { item: string }) => ({
          value: 'shipping' as const,
          context: { item, to: 'oslo' },
        }),
      });
      system.register(sent, {
        onResume: ({ value, context }) => void resumed.push(`${value}:${context.to}`),
      });
      const ref = await system.spawn(sent, 'p1', { item: 'book' });
      expect(resumed).toEqual(['shipping:oslo']);
      expect(await ref.ask({ type: 'read' })).toEqual({ state: 'shipping', to: 'oslo', item: 'book' });
      await ref.ask({ type: 'shipped' });
      expect(await ref.ask({ type: 'read' })).toMatchObject({ state: 'delivered' });
    });

    test('leave memory at rest and come back with their next message, as if they had never left', async () => {
      const system = node('a');
      const changes: string[] = [];
      const [carried, resumed]: [string[], string[]] = [[], []];
      const ended: (string | undefined)[] = [];
      const sent = Promise.withResolvers<void>();
      system.inspect(({ kind, type }) => void (kind === 'stopped' && ended.push(type)));
      const patient = defineActor({
        ...parcelOptions,
        passivation: { afterMs: 0, when: ({ value }) => value !== 'shipping' },
      });
      system.register(patient, {
        onChange: ({ value }, { key }) => changes.push(`${key} ${value}`),
        onEffect: async ({ to }) => {
          carried.push(to);
          await sent.promise;
        },
        onResume: ({ value }) => void resumed.push(String(value)),
      });
      const ref = await system.spawn(patient, 'p1', { item: 'book' });
      await until(() => system.actors(patient).length === 0);
      expect(system.snapshot(patient, 'p1')).toBeUndefined();
      const reads = await Promise.all(Array.from({ length: 20 }, () => ref.ask({ type: 'read' })));
      expect(reads).toEqual(reads.map(() => ({ state: 'packed', to: null, item: 'book' })));
      await until(() => system.actors(patient).length === 0);
      await expect(system.spawn(patient, 'p1', { item: 'cup' })).rejects.toThrow(ActorExists);
      await ref.ask({ type: 'ship', to: 'oslo' });
      expect(await ref.ask({ type: 'read' })).toMatchObject({ state: 'shipping' });
      // Not at rest in this state, and not while an effect is running.
      expect(system.actors(patient)).toEqual(['p1']);
      sent.resolve();
      await ref.ask({ type: 'shipped' });
      expect(ended).toEqual(['passivated', 'passivated', 'finished']);
      expect(changes).toEqual(['p1 packed', 'p1 shipping', 'p1 delivered']);
      expect(carried).toEqual(['oslo']);
      expect(resumed).toEqual([]);

      await system.spawn(patient, 'p2', { item: 'hat' });
      await until(() => system.actors(patient).length === 0);
      await system.stop();
      const next = node('b');
      next.register(patient, { onResume: ({ context }) => void resumed.push(context.item) });
      expect(await next.resume(patient)).toMatchObject({ resumed: ['p2'], finished: ['p1'] });
      expect(resumed).toEqual(['hat']);
    });

    test('that throw restart from what is stored; others never notice', async () => {
      const failures: FailureReport[] = [];
      const system = node('a', { onFailure: (report) => failures.push(report) });
      const { resumed } = withParcels(system);
      const bad = await system.spawn(parcel, 'bad', { item: 'book' });
      const good = await system.spawn(parcel, 'good', { item: 'cup' });
      await bad.ask({ type: 'ship', to: 'nowhere' });
      await expect(bad.ask({ type: 'lost' })).rejects.toMatchObject({
        code: 'actor-failed',
        message: /lost at sea/,
      });
      expect(await bad.ask({ type: 'read' })).toMatchObject({ state: 'shipping' });
      expect(resumed).toEqual(['shipping:nowhere']);
      expect(failures).toMatchObject([{ address: 'parcel/bad', outcome: 'restarted' }]);

      await good.ask({ type: 'ship', to: 'moon' });
      await until(() => failures.length === 2);
      expect(await good.ask({ type: 'read' })).toMatchObject({ state: 'shipping', to: 'moon' });

      for (let i = 0; i < 5; i++) await bad.ask({ type: 'lost' }).catch(() => undefined);
      expect(failures.at(-1)).toMatchObject({ address: 'parcel/bad', outcome: 'stopped' });
      await expect(bad.ask({ type: 'read' })).rejects.toMatchObject({ code: 'actor-failed' });
      expect(await good.ask({ type: 'read' })).toMatchObject({ item: 'cup' });
    });

    test('stop when someone else writes their snapshot', async () => {
      const failures: FailureReport[] = [];
      const system = node('a', { onFailure: (report) => failures.push(report) });
      withParcels(system);
      const ref = await system.spawn(parcel, 'p1', { item: 'book' });
      const entry = await store.get(storedAt(parcel, 'p1'));
      await store.put(storedAt(parcel, 'p1'), entry!.value);
      await expect(ref.ask({ type: 'ship', to: 'oslo' })).rejects.toMatchObject({ code: 'actor-stopped' });
      expect(failures).toMatchObject([{ error: { code: 'revision-conflict' }, outcome: 'stopped' }]);
      expect(await ref.ask({ type: 'read' })).toMatchObject({ state: 'packed' });
    });

    test('wait out an outage: what was asked is stored when the server is back', async () => {
      const system = node('a');
      const { carried } = withParcels(system);
      const ref = await system.spawn(parcel, 'p1', { item: 'book' });
      await driver.cut();
      await until(() => transport.status === 'suspended');
      const asked = ref.ask({ type: 'ship', to: 'nowhere' }, { deadlineMs: 60_000 });
      await expect(system.spawn(parcel, 'p2', { item: 'cup' })).rejects.toMatchObject({ retryable: true });
      expect(carried).toEqual([]);
      await driver.mend();
      await asked;
      expect(carried).toEqual(['nowhere']);
      const second = createActorSystem({ transport, store, node: 'b' });
      expect((await store.get(storedAt(parcel, 'p1')))?.revision).toBeGreaterThan(1);
      await second.stop();
    });
  });
}
