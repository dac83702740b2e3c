/** The shadow actor: its definition, and whom it asks. */
import { type ActorBehaviour, defineActor } from '../../runtime/mod.ts';
import type { WardSpec } from '../allocator/mod.ts';
import { shadowMachine } from './machine.ts';
import { type ShadowEffect, shadowMessage } from './messages.ts';

export const shadowActor = defineActor({
  kind: 'shadow',
  machine: shadowMachine,
  message: shadowMessage,
  // What it did is explained from memory; only that it watches must survive.
  durable: (context) => ({ mode: context.mode, jobId: context.ward.jobId, host: context.ward.host }),
  replies: {
    explain: (snapshot) => ({
      mode: snapshot.context.mode,
      policy: snapshot.context.ward.policy,
      allocation: snapshot.context.ward.allocation,
      counts: snapshot.context.counts,
      recent: snapshot.context.recent,
    }),
  },
});

export interface ShadowNeighbours {
  track(ward: WardSpec): void;
  untrack(jobId: string): void;
}

/** A shadow that comes back after a restart waits for its job's `watch`: the host must have adopted the VM first. */
export function shadowBehaviour(neighbours: ShadowNeighbours): ActorBehaviour<typeof shadowActor> {
  return {
    onEffect(effect: ShadowEffect) {
      if (effect.type === 'track') neighbours.track(effect.ward);
      else neighbours.untrack(effect.jobId);
    },
  };
}
