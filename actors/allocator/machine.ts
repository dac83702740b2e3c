/** The allocator statechart: starting, serving, and again starting when its worker ends. */
import { assign, emit, enqueueActions, setup } from 'xstate';
import type { AllocatorContext, AllocatorEffect, AllocatorMessage } from './messages.ts';

export const allocatorMachine = setup({
  types: { context: {} as AllocatorContext, events: {} as AllocatorMessage, emitted: {} as AllocatorEffect },
  actions: {
    startWorker: emit(({ context }) => ({ type: 'start-worker' as const, attempt: context.restarts })),
    noteReady: assign(({ event }) =>
      event.type === 'worker-ready' ? { forecaster: event.forecaster, degraded: undefined } : {},
    ),
    noteExit: assign(({ context }) => ({ forecaster: undefined, restarts: context.restarts + 1 })),
    noteDegraded: assign(({ event }) => (event.type === 'degraded' ? { degraded: event.reason } : {})),
    noteWard: assign(({ context, event }) =>
      event.type === 'track' ? { wards: { ...context.wards, [event.ward.jobId]: event.ward } } : {},
    ),
    forgetWard: assign(({ context, event }) => {
      if (event.type !== 'untrack') return {};
      const { [event.jobId]: _, ...wards } = context.wards;
      return { wards };
    }),
    noteAllocation: assign(({ context, event }) => {
      if (event.type !== 'settled') return {};
      const { directive, granted } = event.settlement;
      const ward = context.wards[directive.jobId];
      if (ward === undefined) return {};
      const allocation = { ...ward.allocation, [directive.resource]: granted };
      return { wards: { ...context.wards, [directive.jobId]: { ...ward, allocation } } };
    }),
    trackInWorker: enqueueActions(({ event, enqueue }) => {
      if (event.type === 'track') enqueue.emit({ type: 'track', ward: event.ward });
    }),
    trackAll: enqueueActions(({ context, enqueue }) => {
      for (const ward of Object.values(context.wards)) enqueue.emit({ type: 'track', ward });
    }),
    untrackInWorker: enqueueActions(({ event, enqueue }) => {
      if (event.type === 'untrack') enqueue.emit({ type: 'untrack', jobId: event.jobId });
    }),
    direct: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'directives') return;
      for (const directive of event.directives) {
        const ward = context.wards[directive.jobId];
        if (ward === undefined) continue;
        enqueue.emit({ type: 'direct', host: ward.host, directive, dryRun: ward.dryRun });
      }
    }),
    settle: enqueueActions(({ event, enqueue }) => {
      if (event.type === 'settled') enqueue.emit({ type: 'settle', settlement: event.settlement });
    }),
  },
}).createMachine({
  id: 'allocator',
  context: { wards: {}, forecaster: undefined, degraded: undefined, restarts: 0 },
  initial: 'starting',
  on: {
    degraded: { actions: 'noteDegraded' },
    settled: { actions: ['noteAllocation', 'settle'] },
  },
  states: {
    starting: {
      entry: 'startWorker',
      on: {
        'worker-ready': { target: 'serving', actions: ['noteReady', 'trackAll'] },
        'worker-exited': { target: 'starting', reenter: true, actions: 'noteExit' },
        track: { actions: 'noteWard' },
        untrack: { actions: 'forgetWard' },
      },
    },
    serving: {
      on: {
        track: { actions: ['noteWard', 'trackInWorker'] },
        untrack: { actions: ['forgetWard', 'untrackInWorker'] },
        directives: { actions: 'direct' },
        'worker-exited': { target: 'starting', actions: 'noteExit' },
      },
    },
  },
});
