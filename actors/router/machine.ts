/** The router statechart: keeps the queue and the hosts' room, and says which job goes where. */
import { assign, enqueueActions, setup } from 'xstate';
import type { HostView } from '../host/mod.ts';
import { dequeue, enqueue, placeJobs } from './decide.ts';
import type { Booking, RouterContext, RouterEffect, RouterMessage } from './messages.ts';

export const routerMachine = setup({
  types: { context: {} as RouterContext, events: {} as RouterMessage, emitted: {} as RouterEffect },
  actions: {
    enqueue: assign(({ context, event }) =>
      event.type === 'enqueue'
        ? { queues: enqueue(context.queues, event.job), booked: without(context.booked, event.job.jobId) }
        : {},
    ),
    noteHost: assign(({ context, event }) =>
      event.type === 'host'
        ? {
            hosts: { ...context.hosts, [event.host.name]: event.host },
            booked: context.booked.filter((booking) => booking.host !== event.host.name),
          }
        : {},
    ),
    forgetHost: assign(({ context, event }) => {
      if (event.type !== 'host-left') return {};
      const { [event.name]: _, ...hosts } = context.hosts;
      return { hosts };
    }),
    /** Sends placements, takes them off the queue, and books their room until the host tells its own, or the job has ended. */
    place: enqueueActions(({ context, enqueue: run }) => {
      const hosts = Object.values(context.hosts).map((host) => lessBooked(host, context.booked));
      const placements = placeJobs(context.queues, hosts);
      if (placements.length === 0) return;
      run.assign({
        queues: dequeue(context.queues, new Set(placements.map(({ job }) => job.jobId))),
        booked: [
          ...context.booked,
          ...placements.map(({ job: { jobId, cores, memoryMiB }, host }) => ({
            jobId,
            host,
            cores,
            memoryMiB,
          })),
        ],
      });
      for (const { job, host } of placements) run.emit({ type: 'place', jobId: job.jobId, host });
    }),
    awaitDependencies: enqueueActions(({ context, event, enqueue: run }) => {
      if (event.type !== 'await') return;
      run.assign({ waiting: { ...context.waiting, [event.jobId]: event.dependencies } });
      for (const dependency of event.dependencies) run.emit({ type: 'look-up', dependency });
    }),
    settle: enqueueActions(({ context, event, enqueue: run }) => {
      if (event.type !== 'finished') return;
      const { [event.jobId]: _, ...waiting } = context.waiting as Record<string, readonly string[]>;
      for (const [jobId, dependencies] of Object.entries(waiting)) {
        if (!dependencies.includes(event.jobId)) continue;
        const left = dependencies.filter((dependency) => dependency !== event.jobId);
        if (event.completed && left.length > 0) {
          waiting[jobId] = left;
          continue;
        }
        delete waiting[jobId];
        if (event.completed) run.emit({ type: 'dependencies-met', jobId });
        else run.emit({ type: 'dependency-failed', jobId, dependency: event.jobId });
      }
      run.assign({
        waiting,
        queues: dequeue(context.queues, new Set([event.jobId])),
        booked: without(context.booked, event.jobId),
      });
    }),
  },
}).createMachine({
  id: 'router',
  context: { queues: {}, hosts: {}, waiting: {}, booked: [] },
  initial: 'routing',
  states: {
    routing: {
      on: {
        enqueue: { actions: ['enqueue', 'place'] },
        host: { actions: ['noteHost', 'place'] },
        'host-left': { actions: 'forgetHost' },
        await: { actions: 'awaitDependencies' },
        // Whoever stood behind it may fit now.
        finished: { actions: ['settle', 'place'] },
      },
    },
  },
});

function without(booked: readonly Booking[], jobId: string): Booking[] {
  return booked.filter((booking) => booking.jobId !== jobId);
}

function lessBooked(host: HostView, booked: readonly Booking[]): HostView {
  const free = { ...host.free };
  for (const booking of booked) {
    if (booking.host !== host.name) continue;
    free.cores -= booking.cores;
    free.memoryMiB -= booking.memoryMiB;
  }
  return { ...host, free };
}
