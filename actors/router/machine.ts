/** The router statechart: keeps the queue and the hosts' room, and says which job goes where. */
import { assign, enqueueActions, setup } from 'xstate';
import { enqueue, placeJobs } from './decide.ts';
import type { RouterContext, RouterEffect, RouterMessage } from './messages.ts';

export const routerMachine = setup({
  types: { context: {} as RouterContext, events: {} as RouterMessage, emitted: {} as RouterEffect },
  actions: {
    enqueue: assign(({ context, event }) =>
      event.type === 'enqueue' ? { queue: enqueue(context.queue, event.job) } : {},
    ),
    noteHost: assign(({ context, event }) =>
      event.type === 'host' ? { hosts: { ...context.hosts, [event.host.name]: event.host } } : {},
    ),
    forgetHost: assign(({ context, event }) => {
      if (event.type !== 'host-left') return {};
      const { [event.name]: _, ...hosts } = context.hosts;
      return { hosts };
    }),
    /** Sends placements, takes them off the queue, and books their room until the host tells its own. */
    place: enqueueActions(({ context, enqueue: run }) => {
      const placements = placeJobs(context.queue, Object.values(context.hosts));
      if (placements.length === 0) return;
      const placed = new Map(placements.map((p) => [p.jobId, p.host]));
      const hosts = { ...context.hosts };
      for (const job of context.queue) {
        const name = placed.get(job.jobId);
        const host = name === undefined ? undefined : hosts[name];
        if (host === undefined) continue;
        const free = { cores: host.free.cores - job.cores, memoryMiB: host.free.memoryMiB - job.memoryMiB };
        hosts[host.name] = { ...host, free };
      }
      run.assign({ queue: context.queue.filter((job) => !placed.has(job.jobId)), hosts });
      for (const placement of placements) run.emit({ type: 'place', ...placement });
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
      run.assign({ waiting, queue: context.queue.filter((job) => job.jobId !== event.jobId) });
    }),
  },
}).createMachine({
  id: 'router',
  context: { queue: [], hosts: {}, waiting: {} },
  initial: 'routing',
  states: {
    routing: {
      on: {
        enqueue: { actions: ['enqueue', 'place'] },
        host: { actions: ['noteHost', 'place'] },
        'host-left': { actions: 'forgetHost' },
        await: { actions: 'awaitDependencies' },
        finished: { actions: 'settle' },
      },
    },
  },
});
