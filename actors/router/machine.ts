/** The router statechart: keeps the queue and the hosts' room, and says which job goes where. */
import { assign, enqueueActions, setup } from 'xstate';
import type { HostView } from '../host/mod.ts';
import { type Placement, placeJobs } from './decide.ts';
import type { Booking, RouterContext, RouterEffect, RouterMessage } from './messages.ts';
import { JobQueue } from './queue.ts';

export const routerMachine = setup({
  types: { context: {} as RouterContext, events: {} as RouterMessage, emitted: {} as RouterEffect },
  guards: {
    somethingFits: ({ context }) => placements(context).length > 0,
  },
  actions: {
    enqueue: assign(({ context, event }) => {
      if (event.type !== 'enqueue') return {};
      const ids = new Set(event.jobs.map((job) => job.jobId));
      const booked = context.booked.filter((booking) => !ids.has(booking.jobId));
      return { queue: context.queue.with(event.jobs), booked };
    }),
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
      const placed = placements(context);
      const booked = placed.map(({ job: { jobId, cores, memoryMiB }, host }) => ({
        jobId,
        host,
        cores,
        memoryMiB,
      }));
      run.assign({
        queue: context.queue.without(booked.map(({ jobId }) => jobId)),
        booked: [...context.booked, ...booked],
      });
      for (const { jobId, host } of booked) run.emit({ type: 'place', jobId, host });
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
        queue: context.queue.without([event.jobId]),
        booked: context.booked.filter((booking) => booking.jobId !== event.jobId),
      });
    }),
  },
}).createMachine({
  id: 'router',
  context: { queue: JobQueue.empty, hosts: {}, waiting: {}, booked: [] },
  initial: 'routing',
  states: {
    routing: {
      // Not an action of every message: XState keeps all that `enqueueActions` has seen until the next major collection.
      always: { guard: 'somethingFits', actions: 'place' },
      on: {
        enqueue: { actions: 'enqueue' },
        host: { actions: 'noteHost' },
        'host-left': { actions: 'forgetHost' },
        await: { actions: 'awaitDependencies' },
        finished: { actions: 'settle' },
      },
    },
  },
});

function placements({ queue, hosts, booked }: RouterContext): Placement[] {
  return placeJobs(
    queue,
    Object.values(hosts).map((host) => lessBooked(host, booked)),
  );
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
