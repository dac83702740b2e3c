/** Watching actors on the in-memory drivers: the newest state, from wherever the actor lives, until it is over. */
import { describe, expect, expectTypeOf, onTestFinished, test } from 'vitest';
import { assign, SimulatedClock, setup } from 'xstate';
import { z } from 'zod';
import { defineActor, storeKey } from '../cell/mod.ts';
import { type Clock, systemClock } from '../clock.ts';
import { memoryKeyValue } from '../store/mod.ts';
import { MemoryBus } from '../transport/mod.ts';
import { type ActorSystem, type ActorSystemOptions, createActorSystem } from './mod.ts';

const message = z.discriminatedUnion('type', [
  z.object({ type: z.literal('add'), amount: z.number() }),
  z.object({ type: z.literal('touch') }),
  z.object({ type: z.literal('close') }),
  z.object({ type: z.literal('break') }),
]);
const machine = setup({
  types: { context: {} as { total: number; touched: number }, events: {} as z.infer<typeof message> },
}).createMachine({
  context: { total: 0, touched: 0 },
  initial: 'open',
  states: {
    open: {
      on: {
        add: { actions: assign({ total: ({ context, event }) => context.total + event.amount }) },
        touch: { actions: assign({ touched: ({ context }) => context.touched + 1 }) },
        close: { target: 'closed', actions: assign({ total: ({ context }) => context.total + 0.5 }) },
        break: {
          actions: () => {
            throw new Error('broken');
          },
        },
      },
    },
    closed: { type: 'final' },
  },
});
const plain = { kind: 'till', machine, message } as const;
const options = {
  ...plain,
  view: ({ context }: { context: { total: number } }) => context.total,
} as const;
const till = defineActor(options);

/** What comes of a stream, as it comes. */
function gather<T>(stream: AsyncIterable<T>) {
  const items: T[] = [];
  const gathered = { items, over: false, error: undefined as unknown };
  void (async () => {
    try {
      for await (const item of stream) items.push(item);
    } catch (error) {
      gathered.error = error;
    }
    gathered.over = true;
  })();
  return gathered;
}

/** Lets promises settle until `look` is true; no time of a simulated clock passes. */
async function until(look: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_000 && !look(); turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(look()).toBe(true);
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function world<TClock extends Clock>(clock: TClock) {
  const bus = new MemoryBus();
  const store = memoryKeyValue();
  const start = (node: string, more: Partial<ActorSystemOptions> = {}) => {
    const transport = bus.connect();
    const system = createActorSystem({ transport, store, node, clock, ...more });
    onTestFinished(() => system.stop());
    return { system, transport };
  };
  return { clock, bus, store, start };
}

/** A node with tills, and who watches them: the same node, or another. */
function setting(where: 'here' | 'elsewhere', definition: typeof till = till) {
  const { clock, store, start } = world(new SimulatedClock());
  const { system } = start('owner');
  system.register(definition);
  const watcher: ActorSystem = where === 'here' ? system : start('watcher').system;
  return { clock, store, system, watcher, start };
}

describe.each(['here', 'elsewhere'] as const)('an actor that lives %s', (where) => {
  test('is watched: its state, then each change of what its view shows', async () => {
    const { system, watcher } = setting(where);
    const ref = await system.spawn(till, 'a');
    await ref.ask({ type: 'add', amount: 1 });
    const seen = gather(watcher.ref(till, 'a').watch());
    await until(() => seen.items.length === 1);
    await ref.ask({ type: 'add', amount: 2 });
    await until(() => seen.items.length === 2);
    await ref.ask({ type: 'touch' });
    await ref.ask({ type: 'add', amount: 0 });
    await settled();
    await ref.ask({ type: 'add', amount: 3 });
    await until(() => seen.items.length === 3);
    expect(seen).toEqual({ items: [1, 3, 6], over: false, error: undefined });
  });

  test('shows each of many watchers the same', async () => {
    const { system, watcher } = setting(where);
    const ref = await system.spawn(till, 'a');
    const all = Array.from({ length: 20 }, () => gather(watcher.ref(till, 'a').watch()));
    await until(() => all.every(({ items }) => items.length === 1));
    await ref.ask({ type: 'add', amount: 2 });
    await until(() => all.every(({ items }) => items.length === 2));
    expect(all.every(({ items }) => items[1] === 2)).toBe(true);
  });

  test('shows a reader who is behind the newest state only', async () => {
    const { system, watcher } = setting(where);
    const ref = await system.spawn(till, 'a');
    const items: number[] = [];
    for await (const total of watcher.ref(till, 'a').watch()) {
      items.push(total);
      if (total === 2_000) break;
      for (let i = 0; i < 1_000; i++) await ref.ask({ type: 'add', amount: 1 });
    }
    expect(items).toEqual([0, 1_000, 2_000]);
  });

  test('ends the stream after its final state, and shows that to who comes later', async () => {
    const { system, watcher } = setting(where);
    const ref = await system.spawn(till, 'a');
    const seen = gather(watcher.ref(till, 'a').watch());
    await until(() => seen.items.length === 1);
    await ref.ask({ type: 'close' });
    await until(() => seen.over);
    expect(seen).toMatchObject({ items: [0, 0.5], error: undefined });
    const late = gather(watcher.ref(till, 'a').watch());
    await until(() => late.over);
    expect(late).toMatchObject({ items: [0.5], error: undefined });
  });

  test('ends the stream after its final state although it is volatile', async () => {
    const { system, watcher } = setting(where, defineActor({ ...options, durability: 'volatile' }));
    const ref = await system.spawn(till, 'a');
    const items: number[] = [];
    for await (const total of watcher.ref(till, 'a').watch()) {
      items.push(total);
      if (items.length === 1) await ref.ask({ type: 'close' });
    }
    expect(items).toEqual([0, 0.5]);
  });

  test('ends the stream when it is removed', async () => {
    const { system, watcher } = setting(where);
    await system.spawn(till, 'a');
    const seen = gather(watcher.ref(till, 'a').watch());
    await until(() => seen.items.length === 1);
    await system.remove(till, 'a');
    await until(() => seen.over);
    expect(seen).toMatchObject({ items: [0], error: undefined });
  });

  test('rests although it is watched, is not woken to be seen, and shows what changes when it is back', async () => {
    const { clock, system, watcher } = setting(
      where,
      defineActor({ ...options, passivation: { afterMs: 50 } }),
    );
    const ref = await system.spawn(till, 'a');
    const early = gather(watcher.ref(till, 'a').watch());
    await until(() => early.items.length === 1);
    clock.increment(50);
    expect(system.actors(till)).toEqual([]);
    const late = gather(watcher.ref(till, 'a').watch());
    await until(() => late.items.length === 1);
    expect(system.actors(till)).toEqual([]);
    await ref.ask({ type: 'add', amount: 4 });
    await until(() => early.items.length === 2 && late.items.length === 2);
    clock.increment(50);
    expect(system.actors(till)).toEqual([]);
    // Renewals bring nothing.
    for (let i = 0; i < 3; i++) {
      clock.increment(5_000);
      await settled();
    }
    await ref.ask({ type: 'add', amount: 4 });
    await until(() => early.items.length === 3 && late.items.length === 3);
    expect([early.items, late.items]).toEqual([
      [0, 4, 8],
      [0, 4, 8],
    ]);
  });

  test('is not there: the first item is refused', async () => {
    const { watcher } = setting(where);
    const seen = gather(watcher.ref(till, 'nobody').watch());
    await until(() => seen.over);
    expect(seen).toMatchObject({ items: [], error: { code: 'no-such-actor' } });
  });

  test('is parked: the first item is refused', async () => {
    const { store, system, watcher, start } = setting(where);
    await system.spawn(till, 'a');
    const entry = await store.get(storeKey(till, 'a'));
    await system.stop();
    expect(entry).toBeDefined();
    const { system: next } = start('owner');
    next.register(defineActor({ ...options, snapshotVersion: 2 }));
    const seen = gather((where === 'here' ? next : watcher).ref(till, 'a').watch());
    await until(() => seen.over);
    expect(seen.error).toMatchObject({ code: 'snapshot-incompatible' });
  });

  test('fails for good: the stream ends with that; a failure that it survives is not seen', async () => {
    const { system, watcher } = setting(where, defineActor({ ...options, restarts: { limit: 1 } }));
    const ref = await system.spawn(till, 'a');
    const seen = gather(watcher.ref(till, 'a').watch());
    await until(() => seen.items.length === 1);
    await ref.ask({ type: 'break' }).catch(() => undefined);
    await ref.ask({ type: 'add', amount: 1 });
    await until(() => seen.items.length === 2);
    await ref.ask({ type: 'break' }).catch(() => undefined);
    await until(() => seen.over);
    expect(seen).toMatchObject({ items: [0, 1], error: { code: 'actor-failed' } });
  });

  test('has a view that throws: the stream ends with that, the actor goes on', async () => {
    const fragile = defineActor({
      ...options,
      view: ({ context }) => {
        if (context.total > 0) throw new Error('too much');
        return context.total;
      },
    });
    const { system, watcher } = setting(where, fragile);
    const ref = await system.spawn(till, 'a');
    const seen = gather(watcher.ref(till, 'a').watch());
    await until(() => seen.items.length === 1);
    await ref.ask({ type: 'add', amount: 1 });
    await until(() => seen.over);
    expect(seen.error).toMatchObject({ code: 'actor-failed' });
    await ref.ask({ type: 'add', amount: 1 });
  });

  test('is watched until the signal fires, or the reader leaves though nothing comes', async () => {
    const { system, watcher } = setting(where);
    await system.spawn(till, 'a');
    const controller = new AbortController();
    const seen = gather(watcher.ref(till, 'a').watch({ signal: controller.signal }));
    await until(() => seen.items.length === 1);
    controller.abort();
    await until(() => seen.over);
    expect(seen.error).toBeUndefined();
    const never = gather(watcher.ref(till, 'a').watch({ signal: AbortSignal.abort() }));
    await until(() => never.over);
    expect(never).toMatchObject({ items: [], error: undefined });
    const iterator = watcher.ref(till, 'a').watch()[Symbol.asyncIterator]();
    await iterator.next();
    const pending = iterator.next();
    await settled();
    await iterator.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
  });

  test('is watched while its mailbox drains, until its node stops', async () => {
    const { clock, system, watcher } = setting(where);
    const ref = await system.spawn(till, 'a');
    const seen = gather(watcher.ref(till, 'a').watch());
    await until(() => seen.items.length === 1);
    void ref.tell({ type: 'add', amount: 1 });
    await system.stop();
    await until(() => seen.items.length === 2);
    await settled();
    clock.increment(500);
    await settled();
    expect(seen.over).toBe(where === 'here');
    if (where === 'here') expect(seen.error).toMatchObject({ code: 'transport-closed' });
  });
});

test('without a view of its own, watchers see state and context', async () => {
  const definition = defineActor(plain);
  const { start } = world(new SimulatedClock());
  const { system } = start('owner');
  system.register(definition);
  const ref = await system.spawn(definition, 'a');
  for await (const shown of ref.watch()) {
    expectTypeOf(shown.value).toEqualTypeOf<'open' | 'closed'>();
    expectTypeOf(shown.context).toEqualTypeOf<{ total: number; touched: number }>();
    expect(shown).toEqual({ value: 'open', context: { total: 0, touched: 0 } });
    break;
  }
  for await (const total of start('watcher').system.ref(till, 'a').watch()) {
    expectTypeOf(total).toEqualTypeOf<number>();
    break;
  }
});

test('a state that was kept in part is told again when a failure has taken the rest', async () => {
  const partly = defineActor({ ...options, durable: () => 0 });
  const { system, watcher } = setting('elsewhere', partly);
  const ref = await system.spawn(till, 'a');
  const seen = gather(watcher.ref(till, 'a').watch());
  await until(() => seen.items.length === 1);
  await ref.ask({ type: 'add', amount: 1 });
  await until(() => seen.items.length === 2);
  await ref.ask({ type: 'break' }).catch(() => undefined);
  await until(() => seen.items.length === 3);
  expect(seen.items).toEqual([0, 1, 0]);
});

test('a watch that nobody serves fails at once; one that was served waits for its actor to be back', async () => {
  const { clock, system, watcher, start } = setting('elsewhere');
  const { system: stranger } = start('stranger');
  const refused = gather(stranger.ref(defineActor({ ...options, kind: 'nothing' }), 'a').watch());
  await until(() => refused.over);
  expect(refused.error).toMatchObject({ code: 'no-responders' });
  await system.spawn(till, 'a');
  const seen = gather(watcher.ref(till, 'a').watch());
  await until(() => seen.items.length === 1);
  await system.stop();
  const { system: next } = start('owner');
  next.register(till);
  await next.ref(till, 'a').ask({ type: 'add', amount: 7 });
  await until(() => {
    clock.increment(500);
    return seen.items.length === 2;
  });
  expect(seen.items).toEqual([0, 7]);
});

test('an owner that has gone without a word is noticed', async () => {
  const { clock, bus, store, start } = world(new SimulatedClock());
  const gone = bus.connect();
  const lost = createActorSystem({ transport: gone, store, node: 'lost', clock });
  lost.register(till);
  await lost.spawn(till, 'a');
  const seen = gather(start('watcher').system.ref(till, 'a').watch());
  await until(() => seen.items.length === 1);
  await gone.close();
  const { system } = start('next');
  system.register(till);
  await system.ref(till, 'a').ask({ type: 'add', amount: 1 });
  await settled();
  expect(seen.items).toEqual([0]);
  clock.increment(8_000);
  await settled();
  clock.increment(500);
  await until(() => seen.items.length === 2);
  expect(seen).toMatchObject({ items: [0, 1], over: false });
});

test('a request to watch that is malformed is refused', async () => {
  const { watcher, system } = setting('elsewhere');
  await system.spawn(till, 'a');
  for (const [subject, body, field] of [
    ['shadowgrid.watch.till.none.a', {}, 'subject'],
    ['shadowgrid.watch.till.0.~', {}, 'key'],
    [`shadowgrid.watch.till.${storeKey(till, 'a').split('.')[2]}.a`, { seen: 1 }, 'seen'],
  ] as const) {
    await expect(watcher.mux.request(subject, body)).rejects.toMatchObject({
      code: 'malformed-message',
      field,
    });
  }
});

describe('in a cluster', () => {
  function cluster() {
    const leases = memoryKeyValue();
    const { start } = world(systemClock);
    return {
      client: () => start('client', { awaitOwner: true }).system,
      join: async (node: string) => {
        const { system } = start(node, { cluster: { store: leases, ttlMs: 1_000, heartbeatMs: 100 } });
        system.register(till);
        await system.join();
        return system;
      },
    };
  }
  const eventually = (look: () => boolean) => expect.poll(look, { timeout: 15_000 }).toBe(true);

  test('a stream follows its actor: no node that watches sees a gap, or an older state', async () => {
    const { join, client } = cluster();
    const [a, outside] = [await join('a'), client()];
    const keys = Array.from({ length: 10 }, (_, i) => `k${i}`);
    for (const key of keys) await a.spawn(till, key);
    const b = await join('b');
    const seen = keys.flatMap((key) =>
      [b, outside].map((system) => ({ key, ...kept(gather(system.ref(till, key).watch())) })),
    );
    await eventually(() => seen.every(({ stream }) => stream.items.length === 1));
    await eventually(() => b.settled && keys.some((key) => a.owns(till, key)));
    let stopping = true;
    const stopped = a.stop().finally(() => {
      stopping = false;
    });
    let rounds = 0;
    while (stopping || rounds < 3) {
      await Promise.all(keys.map((key) => outside.ref(till, key).ask({ type: 'add', amount: 1 })));
      rounds += 1;
    }
    await stopped;
    await eventually(() => seen.every(({ stream }) => stream.items.at(-1) === rounds));
    for (const { stream } of seen) {
      expect(stream).toMatchObject({ over: false, error: undefined });
      expect(stream.items).toEqual([...new Set(stream.items)].sort((x, y) => x - y));
    }
  });

  const kept = <T>(stream: T) => ({ stream });
});
