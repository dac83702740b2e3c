/** Durable commands for later, through a system on the in-memory drivers with a clock of ours. */
import { expect, onTestFinished, test } from 'vitest';
import { assign, SimulatedClock, setup } from 'xstate';
import { z } from 'zod';
import { defineActor } from '../cell/mod.ts';
import { memoryCommandLog } from '../commands/mod.ts';
import { memoryKeyValue } from '../store/mod.ts';
import { MemoryBus } from '../transport/mod.ts';
import { createActorSystem } from './mod.ts';

const message = z.object({ type: z.literal('note'), text: z.string() });
const machine = setup({
  types: { context: {} as { texts: readonly string[] }, events: {} as z.infer<typeof message> },
}).createMachine({
  context: { texts: [] },
  on: { note: { actions: assign({ texts: ({ context, event }) => [...context.texts, event.text] }) } },
});
const diary = defineActor({ kind: 'diary', machine, message });

const note = (text: string) => ({ type: 'note', text }) as const;

async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Systems that follow each other on the same store and log. */
async function world() {
  const clock = new SimulatedClock();
  const store = memoryKeyValue();
  const commands = memoryCommandLog({ clock });
  const bus = new MemoryBus();
  const start = async () => {
    const system = createActorSystem({ transport: bus.connect(), store, node: 'n', clock, commands });
    system.register(diary);
    await system.join();
    onTestFinished(() => system.stop());
    return system;
  };
  const pass = async (ms: number) => {
    await settled();
    clock.increment(ms);
    await settled();
  };
  const system = await start();
  const ref = await system.spawn(diary, 'd');
  const texts = () => system.snapshot(diary, 'd')?.context.texts;
  return { clock, start, pass, system, ref, texts };
}

test('a command is handled at its time, one without a time at once', async () => {
  const { clock, ref, texts, pass } = await world();
  await ref.command(note('b'), { at: clock.now() + 1_000 });
  await ref.command(note('c'), { afterMs: 2_000 });
  await ref.command(note('a'));
  await ref.command(note('past'), { at: clock.now() - 5 });
  await pass(999);
  expect(texts()).toEqual(['a', 'past']);
  await pass(1);
  expect(texts()).toEqual(['a', 'past', 'b']);
  await pass(1_000);
  expect(texts()).toEqual(['a', 'past', 'b', 'c']);
});

test('it outlives the node that gave it', async () => {
  const { system, start, ref, pass } = await world();
  await ref.command(note('later'), { afterMs: 10 * 24 * 3_600_000 });
  await pass(1_000);
  await system.stop();
  const next = await start();
  await next.resume(diary);
  await pass(10 * 24 * 3_600_000);
  expect(next.snapshot(diary, 'd')?.context.texts).toEqual(['later']);
});

test('it is taken back by its name, and moved by it', async () => {
  const { ref, texts, pass } = await world();
  await ref.command(note('never'), { afterMs: 1_000, name: 'x' });
  expect(await ref.cancelCommand('x')).toBe(true);
  expect(await ref.cancelCommand('x')).toBe(false);
  await ref.command(note('sooner'), { afterMs: 60_000, name: 'x' });
  await ref.command(note('sooner'), { afterMs: 500, name: 'x' });
  await pass(500);
  expect(await ref.cancelCommand('x')).toBe(false);
  // Long after the log has forgotten it, its name still counts once.
  await pass(600_000);
  await ref.command(note('twice'), { afterMs: 500, name: 'x' });
  await pass(500);
  expect(texts()).toEqual(['sooner']);
});

test('a time that is none is refused by its field', async () => {
  const { clock, ref } = await world();
  const refused = async (options: { readonly at?: number; readonly afterMs?: number }, field: string) =>
    await expect(ref.command(note('x'), options)).rejects.toMatchObject({ code: 'malformed-message', field });
  for (const ms of [Number.NaN, Number.POSITIVE_INFINITY, 11 * 366 * 24 * 3_600_000]) {
    await refused({ afterMs: ms }, 'afterMs');
    await refused({ at: clock.now() + ms }, 'at');
  }
  await refused({ at: 1, afterMs: 1 }, 'afterMs');
  await expect(ref.cancelCommand('')).rejects.toMatchObject({ code: 'malformed-message', field: 'name' });
});
