/** Actors on the in-memory drivers with a clock of ours: what one cell promises. */
import { describe, expect, test } from 'vitest';
import { assign, emit, SimulatedClock, setup } from 'xstate';
import { z } from 'zod';
import { defineActor, storeKey } from '../cell/mod.ts';
import { memoryCommandLog } from '../commands/mod.ts';
import { MailboxFull, NoSuchActor, StoreUnavailable, UnknownKind } from '../errors.ts';
import { memoryKeyValue } from '../store/mod.ts';
import { MemoryBus } from '../transport/mod.ts';
import type { FailureReport } from './mod.ts';
import { createActorSystem } from './mod.ts';

const message = z.discriminatedUnion('type', [
  z.object({ type: z.literal('tick') }),
  z.object({ type: z.literal('next') }),
  z.object({ type: z.literal('read') }),
]);
const machine = setup({
  types: {
    context: {} as { ticks: number; rounds: number },
    events: {} as z.infer<typeof message>,
    emitted: {} as { type: 'rung'; ticks: number },
  },
  delays: { soon: 1_000 },
}).createMachine({
  context: { ticks: 0, rounds: 0 },
  on: { tick: { actions: assign({ ticks: ({ context }) => context.ticks + 1 }) } },
  initial: 'idle',
  states: {
    idle: {
      on: { next: { target: 'armed', actions: assign({ rounds: ({ context }) => context.rounds + 1 }) } },
    },
    armed: {
      on: { next: { target: 'armed', reenter: true } },
      after: {
        soon: { target: 'idle', actions: emit(({ context }) => ({ type: 'rung', ticks: context.ticks })) },
      },
    },
  },
});
const replies = { read: ({ context }: { context: { ticks: number } }) => context.ticks };
const options = { kind: 'bell', machine, message, replies, mailboxBound: 4 } as const;
/** Of `bell/b`. */
const STORED = storeKey(defineActor(options), 'b');

/** Lets promises settle until `look` is true; no time passes. */
async function until(look: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_000 && !look(); turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(look()).toBe(true);
}

/** Lets promises settle that have something to do. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function world() {
  const clock = new SimulatedClock();
  const store = memoryKeyValue();
  const failures: FailureReport[] = [];
  const transport = new MemoryBus().connect();
  const start = () =>
    createActorSystem({ transport, store, node: 'n', clock, onFailure: (report) => failures.push(report) });
  return { clock, store, failures, start };
}

describe('an actor', () => {
  test("notices its machine's own timers, stores what they did, then lets the effect out", async () => {
    const { clock, store, start } = world();
    const system = start();
    const rung: number[] = [];
    const bell = defineActor(options);
    system.register(bell, { onEffect: ({ ticks }) => void rung.push(ticks) });
    const ref = await system.spawn(bell, 'b');
    await ref.ask({ type: 'next' });
    const before = (await store.get(STORED))!.revision;
    clock.increment(1_000);
    expect(await ref.ask({ type: 'read' })).toBe(0);
    expect(rung).toEqual([0]);
    expect((await store.get(STORED))!.revision).toBe(before + 1);
  });

  test('refuses more than its mailbox holds, to the sender', async () => {
    const { failures, start } = world();
    const system = start();
    const bell = defineActor(options);
    system.register(bell);
    const ref = await system.spawn(bell, 'b');
    const asked = await Promise.allSettled(Array.from({ length: 20 }, () => ref.ask({ type: 'tick' })));
    const refused = asked.filter((one) => one.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(({ reason }) => reason instanceof MailboxFull)).toBe(true);
    expect(await ref.ask({ type: 'read' })).toBe(20 - refused.length);
    for (let i = 0; i < 20; i++) void ref.tell({ type: 'tick' });
    await ref.ask({ type: 'read' }).catch(() => undefined);
    expect(
      failures.some(({ outcome, error }) => outcome === 'undelivered' && error.code === 'mailbox-full'),
    ).toBe(true);
  });

  test('stores only what its definition calls durable, and the rest when it is stopped', async () => {
    const { store, start } = world();
    const bell = defineActor({ ...options, durable: ({ rounds }) => ({ rounds }) });
    const system = start();
    system.register(bell);
    const ref = await system.spawn(bell, 'b');
    const first = (await store.get(STORED))!.revision;
    await ref.ask({ type: 'tick' });
    await ref.ask({ type: 'tick' });
    expect((await store.get(STORED))!.revision).toBe(first);
    await ref.ask({ type: 'next' });
    expect((await store.get(STORED))!.revision).toBe(first + 1);
    await ref.ask({ type: 'tick' });
    await system.stop();
    const again = start();
    again.register(bell);
    expect(await again.ref(bell, 'b').ask({ type: 'read' })).toBe(3);
  });

  test('that is volatile is never stored', async () => {
    const { store, start } = world();
    const bell = defineActor({ ...options, durability: 'volatile' });
    const system = start();
    system.register(bell);
    const ref = await system.spawn(bell, 'b');
    await ref.ask({ type: 'tick' });
    expect(await store.keys('>')).toEqual([]);
    await expect(system.ref(bell, 'c').ask({ type: 'read' })).rejects.toThrow(NoSuchActor);
    await system.remove(bell, 'b');
    await expect(ref.ask({ type: 'read' })).rejects.toThrow(NoSuchActor);
  });

  test('keeps its delayed transitions through a restart: what is left of them, or at once what is overdue', async () => {
    const { clock, start } = world();
    const bell = defineActor(options);
    const run = async () => {
      const rung: string[] = [];
      const system = start();
      system.register(bell, { onEffect: (_, { key }) => void rung.push(key) });
      await system.resume(bell);
      return { system, rung };
    };
    const first = await run();
    for (const key of ['early', 'late', 'again']) await first.system.spawn(bell, key);
    await first.system.ref(bell, 'early').ask({ type: 'next' });
    await first.system.ref(bell, 'again').ask({ type: 'next' });
    clock.increment(700);
    await first.system.ref(bell, 'late').ask({ type: 'next' });
    // The same state again, with nothing else changed: its timer starts anew.
    await first.system.ref(bell, 'again').ask({ type: 'next' });
    await first.system.stop();
    clock.increment(400);
    const second = await run();
    clock.increment(0);
    await until(() => second.rung.length === 1);
    expect(second.rung).toEqual(['early']);
    clock.increment(590);
    await second.system.ref(bell, 'late').ask({ type: 'read' });
    expect(second.rung).toEqual(['early']);
    clock.increment(10);
    await until(() => second.rung.length === 3);
    expect(second.rung.toSorted()).toEqual(['again', 'early', 'late']);
    await second.system.stop();
    const third = await run();
    clock.increment(5_000);
    await third.system.ref(bell, 'late').ask({ type: 'read' });
    expect(third.rung).toEqual([]);
  });

  test('that rests is back for its delayed transition', async () => {
    const { clock, start } = world();
    const bell = defineActor({ ...options, passivation: { afterMs: 50 } });
    const system = start();
    const rung: number[] = [];
    system.register(bell, { onEffect: ({ ticks }) => void rung.push(ticks) });
    const ref = await system.spawn(bell, 'b');
    await ref.ask({ type: 'next' });
    clock.increment(50);
    expect(system.actors(bell)).toEqual([]);
    clock.increment(940);
    expect(system.actors(bell)).toEqual([]);
    clock.increment(10);
    await until(() => system.actors(bell).length === 1);
    clock.increment(0);
    await until(() => rung.length === 1);
    await ref.ask({ type: 'tick' });
    clock.increment(50);
    expect(system.actors(bell)).toEqual([]);
    expect(await ref.ask({ type: 'read' })).toBe(1);
  });

  test('that rests is woken for its delayed transition once the store is back', async () => {
    const { clock, store, start } = world();
    const bell = defineActor({ ...options, passivation: { afterMs: 50 } });
    const system = start();
    const rung: number[] = [];
    system.register(bell, { onEffect: ({ ticks }) => void rung.push(ticks) });
    await (await system.spawn(bell, 'b')).ask({ type: 'next' });
    clock.increment(50);
    const get = store.get;
    let refusals = 0;
    store.get = async (key) => {
      refusals += 1;
      throw new StoreUnavailable(`get ${key}`);
    };
    clock.increment(950);
    await until(() => refusals === 1);
    store.get = get;
    await until(() => {
      clock.increment(1_000);
      return rung.length === 1;
    });
  });

  test('is given durable commands by a node that does not know its kind', async () => {
    const bus = new MemoryBus();
    const bell = defineActor(options);
    const owner = createActorSystem({ transport: bus.connect(), store: memoryKeyValue(), node: 'owner' });
    owner.register(bell);
    const ref = await owner.spawn(bell, 'b');
    const commands = memoryCommandLog();
    const store = memoryKeyValue();
    const courier = createActorSystem({ transport: bus.connect(), store, node: 'courier', commands });
    await courier.join();
    for (let i = 0; i < 2; i++) await courier.ref(bell, 'b').command({ type: 'tick' }, { name: 'first' });
    await courier.ref(bell, 'b').command({ type: 'tick' });
    await until(() => courier.commandStats?.delivered === 2);
    expect(await ref.ask({ type: 'read' })).toBe(2);
    await Promise.all([courier.stop(), owner.stop()]);
  });

  test('is made and removed by its own node alone, where there is no cluster', async () => {
    const bus = new MemoryBus();
    const bell = defineActor(options);
    const owner = createActorSystem({ transport: bus.connect(), store: memoryKeyValue(), node: 'owner' });
    owner.register(bell);
    const ref = await owner.spawn(bell, 'b');
    const abroad = { transport: bus.connect(), store: memoryKeyValue(), node: 'abroad', awaitOwner: true };
    const client = createActorSystem(abroad);
    await expect(client.spawn(bell, 'c')).rejects.toMatchObject({ code: 'malformed-message', field: 'mode' });
    expect(await ref.ask({ type: 'read' })).toBe(0);
    await Promise.all([client.stop(), owner.stop()]);
  });

  test('that fails again and again is restarted later and later; then it is stopped, and its kind is told', async () => {
    const { clock, failures, start } = world();
    const bell = defineActor({ ...options, restarts: { limit: 3, backOffMs: 100 } });
    const system = start();
    const escalated: string[] = [];
    system.register(bell, {
      onChange: ({ context }) => {
        if (context.ticks > 0) throw new Error('no more than nothing');
      },
      onResume: () => {
        throw new Error('nor that');
      },
      onEscalate: ({ code }, { key }) => void escalated.push(`${key} ${code}`),
    });
    const ref = await system.spawn(bell, 'b');
    await ref.ask({ type: 'tick' }).catch(() => undefined);
    const restarts = () => failures.filter(({ outcome }) => outcome === 'restarted').length;
    await until(() => restarts() === 1);
    for (const [backOff, expected] of [
      [100, 2],
      [200, 3],
    ] as const) {
      clock.increment(backOff - 1);
      await settled();
      expect(restarts()).toBe(expected - 1);
      clock.increment(1);
      await until(() => restarts() === expected);
    }
    await until(() => escalated.length === 1);
    expect(escalated).toEqual(['b actor-failed']);
    expect(failures.at(-1)).toMatchObject({ outcome: 'stopped' });
  });

  test('of an older shape is migrated step by step, and stored in the new shape with its next change', async () => {
    const { start } = world();
    const first = start();
    const bell = defineActor(options);
    first.register(bell);
    await (await first.spawn(bell, 'b')).ask({ type: 'tick' });
    await first.stop();
    type Bell = { value: unknown; context: { ticks: number; rounds: number } };
    const plus = (more: number) => (stored: unknown) => {
      const { value, context } = stored as Bell;
      return { value, context: { ...context, ticks: context.ticks * 10 + more } };
    };
    const second = start();
    const newer = defineActor({ ...options, snapshotVersion: 3, migrations: { 1: plus(2), 2: plus(3) } });
    second.register(newer);
    expect((await second.resume(newer)).resumed).toEqual(['b']);
    expect(await second.ref(newer, 'b').ask({ type: 'read' })).toBe(123);
    await second.ref(newer, 'b').ask({ type: 'tick' });
    await second.stop();
    const third = start();
    third.register(newer);
    expect(await third.ref(newer, 'b').ask({ type: 'read' })).toBe(124);
    await third.stop();

    const older = start();
    older.register(bell);
    const [parked] = (await older.resume(bell)).parked;
    expect(parked?.error.message).toMatch(/from the future/);
    await older.stop();
    const broken = start();
    const failing = defineActor({
      ...options,
      snapshotVersion: 4,
      migrations: {
        3: () => {
          throw new Error('no way');
        },
      },
    });
    broken.register(failing);
    const [also] = (await broken.resume(failing)).parked;
    expect(also?.error.message).toMatch(/migration from version 3 failed/);
  });

  test('of another snapshot version is parked, not lost', async () => {
    const { store, start } = world();
    const first = start();
    const bell = defineActor(options);
    first.register(bell);
    await first.spawn(bell, 'b');
    await first.stop();
    const second = start();
    const newer = defineActor({ ...options, snapshotVersion: 2 });
    second.register(newer);
    expect((await second.resume(newer)).parked).toMatchObject([
      { key: 'b', error: { code: 'snapshot-incompatible' } },
    ]);
    await expect(second.ref(newer, 'b').ask({ type: 'read' })).rejects.toMatchObject({
      code: 'snapshot-incompatible',
    });
    expect(await store.get(STORED)).toBeDefined();
  });

  test('can be made while somebody asks for it', async () => {
    const { start } = world();
    const system = start();
    const bell = defineActor(options);
    system.register(bell);
    const asked = system.ref(bell, 'b').ask({ type: 'read' });
    const spawned = system.spawn(bell, 'b');
    await expect(asked).rejects.toMatchObject({ code: 'no-such-actor' });
    expect(await (await spawned).ask({ type: 'read' })).toBe(0);
  });

  test('of a kind nobody registered is unknown; asks meet their deadline', async () => {
    const { clock, start } = world();
    const system = start();
    const bell = defineActor(options);
    await expect(system.spawn(bell, 'b')).rejects.toThrow(UnknownKind);
    await expect(system.ref(bell, 'b').ask({ type: 'read' })).rejects.toMatchObject({
      code: 'no-responders',
    });
    system.mux.serve('shadowgrid.actor.bell.*.*', () => new Promise(() => undefined));
    const asked = system.ref(bell, 'b').ask({ type: 'read' }, { deadlineMs: 100 });
    clock.increment(100);
    await expect(asked).rejects.toMatchObject({ code: 'deadline-exceeded' });
  });
});
