/** A counter that survives a restart: the shortest complete actor. */
import { assign, setup } from 'xstate';
import { z } from 'zod';
import { createActorSystem, defineActor, MemoryBus, memoryKeyValue } from '../runtime/mod.ts';

const message = z.discriminatedUnion('type', [
  z.object({ type: z.literal('add'), amount: z.number().int() }),
  z.object({ type: z.literal('read') }),
]);

const machine = setup({
  types: { context: {} as { total: number }, events: {} as z.infer<typeof message> },
}).createMachine({
  context: { total: 0 },
  on: { add: { actions: assign({ total: ({ context, event }) => context.total + event.amount }) } },
});

export const counter = defineActor({
  kind: 'counter',
  machine,
  message,
  replies: { read: (snapshot) => snapshot.context.total },
});

/** Counts, stops the node, starts another on the same store, counts on: resolves with 5. */
export async function countAcrossARestart(): Promise<number> {
  const store = memoryKeyValue(); // in a grid: natsKeyValue(transport, { bucket: 'actors' })
  const start = () => {
    const system = createActorSystem({ transport: new MemoryBus().connect(), store, node: 'node-1' });
    system.register(counter);
    return system;
  };
  const before = start();
  const visits = await before.spawn(counter, 'visits');
  await visits.ask({ type: 'add', amount: 2 });
  await before.stop();

  const after = start();
  const again = after.ref(counter, 'visits');
  await again.ask({ type: 'add', amount: 3 });
  const total = await again.ask({ type: 'read' });
  await after.stop();
  return total;
}
