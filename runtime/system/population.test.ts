/** Spawning at one key by two at a time, above all when the first attempt fails. */
import { expect, test } from 'vitest';
import { setup } from 'xstate';
import { z } from 'zod';
import {
  createActorSystem,
  defineActor,
  type KeyValue,
  MemoryBus,
  memoryKeyValue,
  StoreUnavailable,
} from '../mod.ts';

const counter = defineActor({
  kind: 'counter',
  machine: setup({ types: { context: {} as { total: number } } }).createMachine({ context: { total: 0 } }),
  message: z.object({ type: z.literal('read') }),
  replies: { read: ({ context }) => context.total },
});

function start(create: KeyValue['create']) {
  const memory = memoryKeyValue();
  const store: KeyValue = {
    get: (key) => memory.get(key),
    create: (key, value) => create(key, value).then(() => memory.create(key, value)),
    update: (key, value, revision) => memory.update(key, value, revision),
    put: (key, value) => memory.put(key, value),
    delete: (key, revision) => memory.delete(key, revision),
    keys: (filter) => memory.keys(filter),
    entries: (filter) => memory.entries(filter),
    watch: (filter, handler) => memory.watch(filter, handler),
  };
  const system = createActorSystem({ transport: new MemoryBus().connect(), store, node: 'n' });
  system.register(counter);
  return { system, memory };
}

test('who spawns while an attempt is under way that fails is not told that the actor exists', async () => {
  const attempts = [Promise.withResolvers<number>(), Promise.withResolvers<number>()] as const;
  let tries = 0;
  const { system } = start(() => attempts[tries++]!.promise);
  const first = system.spawn(counter, 'c');
  const second = system.spawn(counter, 'c');
  attempts[0].reject(new StoreUnavailable('create'));
  attempts[1].resolve(1);
  await expect(first).rejects.toMatchObject({ code: 'store-unavailable' });
  const made = await second;
  expect(await made.ask({ type: 'read' })).toBe(0);
  await expect(system.spawn(counter, 'c')).rejects.toMatchObject({ code: 'actor-exists' });
  await system.stop();
});

test('what is sent while a spawn finds that the actor exists can be sent again', async () => {
  const other = start(async () => 0);
  await other.system.spawn(counter, 'c');
  await other.system.stop();
  const created = Promise.withResolvers<number>();
  const { system, memory } = start(() => created.promise);
  for (const { key, value } of await other.memory.entries('>')) await memory.put(key, value);
  const spawned = system.spawn(counter, 'c');
  const asked = system.ref(counter, 'c').ask({ type: 'read' });
  created.resolve(0);
  await expect(spawned).rejects.toMatchObject({ code: 'actor-exists' });
  await expect(asked).rejects.toMatchObject({ code: 'actor-stopped', retryable: true });
  expect(await system.ref(counter, 'c').ask({ type: 'read' })).toBe(0);
  await system.stop();
});
