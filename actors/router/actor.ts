/** The router actor: its definition, and whom it tells. */
import { type ActorBehaviour, defineActor } from '../../runtime/mod.ts';
import { routerMachine } from './machine.ts';
import { type RouterEffect, routerMessage } from './messages.ts';

/** One per grid, rebuilt after a restart from what jobs and hosts tell it. */
export const routerActor = defineActor({
  kind: 'router',
  machine: routerMachine,
  message: routerMessage,
  durability: 'volatile',
  mailboxBound: 65_536,
  replies: {
    hosts: (snapshot) => Object.values(snapshot.context.hosts),
  },
});

/** Key of the grid's router. */
export const ROUTER_KEY = 'main';

export interface RouterNeighbours {
  place(jobId: string, host: string): void;
  dependenciesMet(jobId: string): void;
  dependencyFailed(jobId: string, dependency: string): void;
  /** Whether a job has ended, and how; undefined while it goes on. `false` also for a job nobody knows. */
  outcome(jobId: string): Promise<boolean | undefined>;
}

export function routerBehaviour(neighbours: RouterNeighbours): ActorBehaviour<typeof routerActor> {
  return {
    async onEffect(effect: RouterEffect, context) {
      switch (effect.type) {
        case 'place':
          return neighbours.place(effect.jobId, effect.host);
        case 'dependencies-met':
          return neighbours.dependenciesMet(effect.jobId);
        case 'dependency-failed':
          return neighbours.dependencyFailed(effect.jobId, effect.dependency);
        case 'look-up': {
          const completed = await neighbours.outcome(effect.dependency);
          if (completed === undefined) return;
          void context.self.tell({ type: 'finished', jobId: effect.dependency, completed });
        }
      }
    },
  };
}
