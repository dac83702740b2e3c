/** The job statechart: accepted, queued, placing, booting, running, then completed, failed or cancelled. */
import { assign, emit, setup } from 'xstate';
import type { WireError } from '../../runtime/mod.ts';
import { contextOf, outcomeError } from './decide.ts';
import type { JobContext, JobEffect, JobInput, JobMessage } from './messages.ts';

const machine = setup({
  types: {
    context: {} as JobContext,
    events: {} as JobMessage,
    input: {} as JobInput,
    emitted: {} as JobEffect,
  },
  guards: {
    succeeded: ({ event }) => event.type === 'exited' && event.exitCode === 0,
  },
  actions: {
    awaitDependencies: emit({ type: 'await-dependencies' }),
    enqueue: emit({ type: 'enqueue' }),
    ensureRunning: emit(({ context }) => ({ type: 'ensure-running' as const, host: context.host ?? '' })),
    castShadow: emit(({ context }) => ({ type: 'cast-shadow' as const, host: context.host ?? '' })),
    release: emit(({ context }) => ({ type: 'release' as const, host: context.host ?? '' })),
    assignHost: assign(({ event }) =>
      event.type === 'place' ? { host: event.host, placedAt: event.at, error: undefined } : {},
    ),
    noteMove: assign(({ event }) => (event.type === 'moved' ? { host: event.host } : {})),
    noteRefusal: assign(({ context, event }) =>
      event.type === 'host-refused'
        ? {
            host: undefined,
            error: event.error as WireError,
            refusals: [
              ...context.refusals.slice(-7),
              { host: context.host ?? '', error: event.error as WireError },
            ],
          }
        : {},
    ),
    noteStart: assign(({ event }) =>
      event.type === 'started' ? { startedAt: event.at, bootMs: event.bootMs, error: undefined } : {},
    ),
    noteEnd: assign(({ context, event }) => ({
      endedAt: 'at' in event ? event.at : undefined,
      error: outcomeError(context, event),
      ...(event.type === 'exited' && {
        exitCode: event.exitCode,
        signal: event.signal,
        outputBytes: event.outputBytes,
      }),
    })),
  },
}).createMachine({
  id: 'job',
  context: ({ input }) => contextOf(input),
  // A job that depends on nobody starts in `queued`: see `startOf`.
  initial: 'accepted',
  states: {
    accepted: {
      entry: 'awaitDependencies',
      on: {
        'dependencies-met': 'queued',
        'dependency-failed': { target: 'failed', actions: 'noteEnd' },
        cancel: { target: 'cancelled', actions: 'noteEnd' },
      },
    },
    queued: {
      entry: 'enqueue',
      on: {
        place: { target: 'placing', actions: 'assignHost' },
        cancel: { target: 'cancelled', actions: 'noteEnd' },
      },
    },
    placing: {
      entry: 'ensureRunning',
      on: {
        'host-accepted': 'booting',
        'host-refused': { target: 'queued', actions: 'noteRefusal' },
        started: { target: 'running', actions: 'noteStart' },
        lost: { target: 'failed', actions: ['release', 'noteEnd'] },
        cancel: { target: 'cancelled', actions: ['release', 'noteEnd'] },
      },
    },
    booting: {
      on: {
        moved: { actions: ['noteMove', 'ensureRunning'] },
        'host-refused': { target: 'queued', actions: 'noteRefusal' },
        started: { target: 'running', actions: 'noteStart' },
        exited: [
          { guard: 'succeeded', target: 'completed', actions: ['release', 'noteEnd'] },
          { target: 'failed', actions: ['release', 'noteEnd'] },
        ],
        lost: { target: 'failed', actions: ['release', 'noteEnd'] },
        cancel: { target: 'cancelled', actions: ['release', 'noteEnd'] },
      },
    },
    running: {
      entry: 'castShadow',
      on: {
        moved: { actions: ['noteMove', 'ensureRunning', 'castShadow'] },
        // After a restart: the host does not know the VM any more, or cannot be reached for good.
        'host-refused': { target: 'failed', actions: ['release', 'noteEnd'] },
        exited: [
          { guard: 'succeeded', target: 'completed', actions: ['release', 'noteEnd'] },
          { target: 'failed', actions: ['release', 'noteEnd'] },
        ],
        lost: { target: 'failed', actions: ['release', 'noteEnd'] },
        cancel: { target: 'cancelled', actions: ['release', 'noteEnd'] },
      },
    },
    completed: { type: 'final', entry: emit({ type: 'finished', state: 'completed' }) },
    failed: { type: 'final', entry: emit({ type: 'finished', state: 'failed' }) },
    cancelled: { type: 'final', entry: emit({ type: 'finished', state: 'cancelled' }) },
  },
});

export { machine as jobMachine };
