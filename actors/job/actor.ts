/** The job actor: its definition, and whom it asks for what. */
import pRetry from 'p-retry';
import {
  type ActorBehaviour,
  type Clock,
  defineActor,
  GridError,
  RemoteError,
  toWireError,
  type WireError,
} from '../../runtime/mod.ts';
import { effectsToResume, startOf, viewOf } from './decide.ts';
import { jobMachine } from './machine.ts';
import { type JobContext, type JobEffect, type JobState, type JobView, jobMessage } from './messages.ts';

export const jobActor = defineActor({
  kind: 'job',
  machine: jobMachine,
  message: jobMessage,
  start: startOf,
  // Most jobs of a busy grid wait, and a waiting job needs no memory but its place in the queue.
  passivation: { afterMs: 0, when: ({ value }) => value === 'accepted' || value === 'queued' },
  replies: {
    describe: (snapshot) => viewOf(snapshot.value as JobState, snapshot.context),
    cancel: (snapshot) => viewOf(snapshot.value as JobState, snapshot.context),
  },
});

export interface JobNeighbours {
  readonly clock: Clock;
  /** The job is as `job` says now. */
  changed(job: JobView): void;
  awaitDependencies(job: JobContext): void;
  enqueue(job: JobContext): void;
  /** Asks a host to run the job; `mayCreate` is false once its command has started. */
  ensureRunning(
    host: string,
    job: JobContext,
    mayCreate: boolean,
  ): Promise<{ readonly accepted: true } | { readonly accepted: false; readonly error: WireError }>;
  release(host: string, jobId: string): void;
  /** The job runs: give it a shadow. Idempotent. */
  castShadow(host: string, job: JobContext): Promise<void>;
  finished(job: JobContext, state: JobState): void;
}

export function jobBehaviour(neighbours: JobNeighbours): ActorBehaviour<typeof jobActor> {
  type Context = Parameters<NonNullable<ActorBehaviour<typeof jobActor>['onEffect']>>[1];
  /** A job that has started is never given up because its host is away for a while: ask until the answer is final. */
  const ensure = (host: string, started: boolean, { signal, snapshot }: Context) =>
    pRetry(
      async () => {
        const answer = await neighbours.ensureRunning(host, snapshot.context, !started);
        if (!answer.accepted && started && answer.error.retryable) throw new RemoteError(answer.error);
        return answer;
      },
      {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: 500,
        maxTimeout: 5_000,
        signal,
        shouldRetry: ({ error }) => started && error instanceof GridError && error.retryable,
      },
    ).catch((error) => ({ accepted: false as const, error: toWireError(error) }));
  const carryOut = async (effect: JobEffect, context: Context) => {
    const { self, snapshot } = context;
    const job = snapshot.context;
    switch (effect.type) {
      case 'await-dependencies':
        return neighbours.awaitDependencies(job);
      case 'enqueue':
        return neighbours.enqueue(job);
      case 'release':
        return neighbours.release(effect.host, job.id);
      case 'cast-shadow':
        return await neighbours.castShadow(effect.host, job);
      case 'finished':
        return neighbours.finished(job, effect.state);
      case 'ensure-running': {
        const answer = await ensure(effect.host, snapshot.value === 'running', context);
        if (context.signal.aborted) return;
        const at = neighbours.clock.now();
        if (answer.accepted) void self.tell({ type: 'host-accepted', at });
        else void self.tell({ type: 'host-refused', error: answer.error, at });
      }
    }
  };
  return {
    onChange: (snapshot) => neighbours.changed(viewOf(snapshot.value as JobState, snapshot.context)),
    onEffect: carryOut,
    async onResume(snapshot, context) {
      const effects = effectsToResume(snapshot.value as JobState, snapshot.context);
      await Promise.all(effects.map((effect) => carryOut(effect, context)));
    },
  };
}
