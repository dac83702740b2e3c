/** A counter: the shortest complete actor. counter-node.ts runs it on the nodes of a cluster. */
import { assign, setup } from 'xstate';
import { z } from 'zod';
import { defineActor } from '../runtime/mod.ts';

const message = z.discriminatedUnion('type', [
  z.object({ type: z.literal('add'), amount: z.int() }),
  z.object({ type: z.literal('read') }),
]);

const machine = setup({
  types: { context: {} as { total: number }, events: {} as z.infer<typeof message> },
}).createMachine({
  context: { total: 0 },
  on: { add: { actions: assign({ total: ({ context, event }) => context.total + event.amount }) } },
});

const replies = { read: ({ context }: { context: { total: number } }) => context.total };

export const counter = defineActor({ kind: 'counter', machine, message, replies });
