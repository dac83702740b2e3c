/** The actors of the scenario: each keeps a list of all that it was told, in the order in which it took effect. */
import { assign, emit, setup } from 'xstate';
import { z } from 'zod';
import { defineActor } from '../../cell/mod.ts';
import type { Placement } from '../../place.ts';

const message = z.discriminatedUnion('type', [
  z.object({ type: z.literal('put'), entry: z.string() }),
  z.object({ type: z.literal('count') }),
  z.object({ type: z.literal('list') }),
]);

/** How long a ledger is, and what it ends with. */
export interface Count {
  readonly length: number;
  readonly last: string | undefined;
}

const machine = setup({
  types: {
    context: {} as { entries: string[] },
    events: {} as z.infer<typeof message>,
    emitted: {} as { readonly type: 'entered'; readonly length: number },
  },
}).createMachine({
  context: { entries: [] },
  on: {
    put: {
      actions: [
        assign({ entries: ({ context, event }) => [...context.entries, event.entry] }),
        emit(({ context }) => ({ type: 'entered' as const, length: context.entries.length })),
      ],
    },
  },
});

function ledger(kind: string, options: { readonly placement?: Placement; readonly restAfterMs?: number }) {
  const { placement, restAfterMs } = options;
  return defineActor({
    kind,
    machine,
    message,
    replies: {
      count: ({ context }): Count => ({ length: context.entries.length, last: context.entries.at(-1) }),
      list: ({ context }): string[] => context.entries,
    },
    ...(placement !== undefined && { placement }),
    ...(restAfterMs !== undefined && { passivation: { afterMs: restAfterMs } }),
  });
}

export type Ledger = ReturnType<typeof ledger>;

/** By key, always in memory. */
const steady = ledger('steady', {});
/** By key, out of memory when nobody asks for a while. */
const sleepy = ledger('sleepy', { restAfterMs: 700 });
/** Pinned to a rack, which is one of two. */
const racked = ledger('racked', { placement: { pinnedTo: 'rack' } });

export const LEDGERS: readonly Ledger[] = [steady, sleepy, racked];
export const RACKS = ['r1', 'r2'] as const;

export interface Target {
  readonly definition: Ledger;
  readonly key: string;
  readonly address: string;
}

export const TARGETS: readonly Target[] = [
  ...Array.from({ length: 16 }, (_, i) => target(steady, `s${i}`)),
  ...Array.from({ length: 12 }, (_, i) => target(sleepy, `z${i}`)),
  ...RACKS.map((rack) => target(racked, rack)),
];

function target(definition: Ledger, key: string): Target {
  return { definition, key, address: `${definition.kind}/${key}` };
}
