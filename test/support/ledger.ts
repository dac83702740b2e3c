/** An actor that remembers every number it was given, in order: what is lost or applied twice can be read from it. */
import { assign, emit, setup } from 'xstate';
import { z } from 'zod';
import { defineActor } from '../../runtime/mod.ts';

const message = z.discriminatedUnion('type', [
  z.object({ type: z.literal('add'), n: z.number().int() }),
  z.object({ type: z.literal('look') }),
  z.object({ type: z.literal('read') }),
]);

const machine = setup({
  types: {
    context: {} as { readonly applied: readonly number[] },
    events: {} as z.infer<typeof message>,
    emitted: {} as { readonly type: 'acted'; readonly what: 'add' | 'look' },
  },
}).createMachine({
  context: { applied: [] },
  on: {
    add: {
      actions: [
        assign({ applied: ({ context, event }) => [...context.applied, event.n] }),
        emit({ type: 'acted', what: 'add' }),
      ],
    },
    look: { actions: emit({ type: 'acted', what: 'look' }) },
  },
});

/** `add` and `look` answer how many numbers it has, `read` with all of them. */
export const ledger = defineActor({
  kind: 'ledger',
  machine,
  message,
  replies: {
    add: ({ context }) => context.applied.length,
    look: ({ context }) => context.applied.length,
    read: ({ context }) => context.applied,
  },
});
