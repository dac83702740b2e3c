/** The shadow statechart: it models its job until the job is over. */
import { assign, emit, setup } from 'xstate';
import type { WardSpec } from '../allocator/mod.ts';
import type { ShadowContext, ShadowEffect, ShadowMessage } from './messages.ts';

/** Settlements kept to explain what was done. */
const KEPT = 64;

export const shadowMachine = setup({
  types: {
    context: {} as ShadowContext,
    events: {} as ShadowMessage,
    emitted: {} as ShadowEffect,
    input: {} as WardSpec,
  },
  actions: {
    track: emit(({ context }) => ({ type: 'track' as const, ward: context.ward })),
    untrack: emit(({ context }) => ({ type: 'untrack' as const, jobId: context.ward.jobId })),
    noteWard: assign(({ event }) => (event.type === 'watch' ? { ward: event.ward } : {})),
    noteSettlement: assign(({ context, event }) => {
      if (event.type !== 'settled') return {};
      const { settlement } = event;
      const { directive, granted, outcome } = settlement;
      const allocation = { ...context.ward.allocation, [directive.resource]: granted };
      return {
        ward: { ...context.ward, allocation },
        recent: [...context.recent.slice(1 - KEPT), settlement],
        counts: { ...context.counts, [outcome]: context.counts[outcome] + 1 },
      };
    }),
  },
}).createMachine({
  id: 'shadow',
  context: ({ input }) => ({
    mode: 'model',
    ward: input,
    recent: [],
    counts: { applied: 0, partial: 0, refused: 0, failed: 0 },
  }),
  initial: 'modelling',
  states: {
    modelling: {
      entry: 'track',
      on: {
        watch: { actions: ['noteWard', 'track'] },
        settled: { actions: 'noteSettlement' },
        end: 'ended',
      },
    },
    ended: { type: 'final', entry: 'untrack' },
  },
});
