/** Introduces the actors of a grid to each other: each behaviour's neighbours, as references to the others. */
import pRetry from 'p-retry';
import {
  ActorExists,
  type ActorSystem,
  type Clock,
  encode,
  encodeFrame,
  GridError,
  RemoteError,
  type Transport,
} from '../../runtime/mod.ts';
import {
  ALLOCATOR_KEY,
  type AllocatorNeighbours,
  allocatorActor,
  telemetrySubject,
} from '../allocator/mod.ts';
import type { JobApi, JobDirectory } from '../gateway/mod.ts';
import { type Allocation, type HostNeighbours, hostActor } from '../host/mod.ts';
import { type JobNeighbours, jobActor, TERMINAL_STATES } from '../job/mod.ts';
import { type QueuedJob, ROUTER_KEY, type RouterNeighbours, routerActor } from '../router/mod.ts';
import { type ShadowNeighbours, shadowActor } from '../shadow/mod.ts';
import type { GridLog } from './log.ts';
import { countersSubject, directiveSubject, noteSubject, operationSubject } from './subjects.ts';
import { together } from './together.ts';
import { tenantOf, wardOf } from './ward.ts';

export function jobNeighbours(system: ActorSystem, directory: JobDirectory, clock: Clock): JobNeighbours {
  const router = system.ref(routerActor, ROUTER_KEY);
  const queued = together<QueuedJob>((jobs) => void router.tell({ type: 'enqueue', jobs: [...jobs] }));
  return {
    clock,
    changed: (job) => directory.note(job),
    awaitDependencies: (job) =>
      void router.tell({ type: 'await', jobId: job.id, dependencies: [...job.dependencies] }),
    enqueue: (job) => {
      const { pool, priority, resources } = job.request;
      const { cores, memoryMiB, maxCores, maxMemoryMiB } = resources;
      const { id: jobId, submittedAt } = job;
      queued.add({ jobId, pool, priority, submittedAt, cores, memoryMiB, maxCores, maxMemoryMiB });
    },
    ensureRunning: (host, job, mayCreate) =>
      system.ref(hostActor, host).ask({ type: 'ensure', tenant: tenantOf(job), mayCreate }),
    release: (host, jobId) => void system.ref(hostActor, host).tell({ type: 'release', jobId }),
    castShadow: async (host, job) => {
      const { residents } = await system.ref(hostActor, host).ask({ type: 'describe' });
      const allocation: Allocation =
        residents.find((residence) => residence.jobId === job.id)?.allocation ?? tenantOf(job).allocation;
      const ward = wardOf(job, host, allocation);
      try {
        await system.spawn(shadowActor, job.id, ward);
      } catch (error) {
        if (!(error instanceof ActorExists)) throw error;
        await system.ref(shadowActor, job.id).tell({ type: 'watch', ward });
      }
      // The job may have ended meanwhile, when it had no shadow yet to tell.
      if (system.snapshot(jobActor, job.id)?.value === 'running') return;
      void system.ref(shadowActor, job.id).tell({ type: 'end' });
    },
    finished: (job, state) => {
      queued.flush();
      void router.tell({ type: 'finished', jobId: job.id, completed: state === 'completed' });
      if (system.snapshot(shadowActor, job.id) === undefined) return;
      void system.ref(shadowActor, job.id).tell({ type: 'end' });
    },
  };
}

export function routerNeighbours(
  system: ActorSystem,
  directory: JobDirectory,
  clock: Clock,
): RouterNeighbours {
  const job = (id: string) => system.ref(jobActor, id);
  return {
    place: (jobId, host) => void job(jobId).tell({ type: 'place', host, at: clock.now() }),
    dependenciesMet: (jobId) => void job(jobId).tell({ type: 'dependencies-met', at: clock.now() }),
    dependencyFailed: (jobId, dependency) =>
      void job(jobId).tell({ type: 'dependency-failed', jobId: dependency, at: clock.now() }),
    outcome: async (jobId) => {
      const state = directory.get(jobId)?.state;
      if (state === undefined) return false;
      return TERMINAL_STATES.includes(state) ? state === 'completed' : undefined;
    },
  };
}

export function shadowNeighbours(system: ActorSystem): ShadowNeighbours {
  const allocator = system.ref(allocatorActor, ALLOCATOR_KEY);
  return {
    track: (ward) => void allocator.tell({ type: 'track', ward }),
    untrack: (jobId) => void allocator.tell({ type: 'untrack', jobId }),
  };
}

export function allocatorNeighbours(system: ActorSystem, log: GridLog): AllocatorNeighbours {
  return {
    direct: (host, directive) => void system.ref(hostActor, host).tell({ type: 'directive', directive }),
    proposed: (host, directive) =>
      log.info(`dry run: ${directive.domain} ${directive.resource}`, { host, directive }),
    warn: (message) => log.warn(message),
  };
}

export interface HostSurroundings {
  readonly system: ActorSystem;
  readonly directory: JobDirectory;
  readonly api: JobApi;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly host: string;
}

/** A VM that has not come by then is not coming. */
const EXPECTED_WITHIN_MS = 10 * 60_000;

export function hostNeighbours({
  system,
  directory,
  api,
  transport,
  clock,
  host,
}: HostSurroundings): HostNeighbours {
  const router = system.ref(routerActor, ROUTER_KEY);
  const allocator = system.ref(allocatorActor, ALLOCATOR_KEY);
  /** Telemetry and records are worth nothing after an outage: they are dropped while it lasts. */
  const publish = (subject: string, data: Uint8Array) => {
    if (transport.status === 'connected') transport.publish(subject, data);
  };
  return {
    announce: (view) => void router.tell({ type: 'host', host: view }),
    frame: (frame) => publish(telemetrySubject(host), encodeFrame(frame)),
    counters: (sample) => publish(countersSubject(host), encode(sample)),
    settled: (settlement) => {
      publish(directiveSubject(host), encode(settlement));
      void allocator.tell({ type: 'settled', settlement });
      const { jobId } = settlement.directive;
      if (system.snapshot(shadowActor, jobId) === undefined) return;
      void system.ref(shadowActor, jobId).tell({ type: 'settled', settlement });
    },
    progress: (progress) => publish(operationSubject(host), encode({ type: 'progress', ...progress })),
    report: (report) => publish(operationSubject(host), encode({ type: 'report', report })),
    removal: {
      arrange: async (to, vm) => {
        const expected = system.ref(hostActor, to);
        const answer = await expected.ask({ type: 'expect', ...vm, withinMs: EXPECTED_WITHIN_MS });
        if (!answer.accepted) throw new RemoteError(answer.error);
        return answer.target;
      },
      callOff: (to, jobId) => void system.ref(hostActor, to).tell({ type: 'called-off', jobId }),
      handOver: async (to, jobId, domain) => {
        const host = system.ref(hostActor, to);
        // One that is not up finds the VM when it opens.
        void host.tell({ type: 'arrived', jobId, domain });
        await system.ref(jobActor, jobId).ask({ type: 'moved', host: to, at: clock.now() });
        const state = directory.get(jobId)?.state;
        if (state === undefined || !TERMINAL_STATES.includes(state)) return;
        // It was cancelled on the way.
        void host.tell({ type: 'release', jobId });
      },
    },
    isWanted: async ({ jobId }) => {
      const state = directory.get(jobId)?.state;
      // A job that this store has never heard of belongs to somebody else's grid.
      return state === undefined || !TERMINAL_STATES.includes(state);
    },
    tenancy: (jobId) => {
      const job = system.ref(jobActor, jobId);
      return {
        started: ({ bootMs, at }) => void job.tell({ type: 'started', bootMs, at }),
        note: ({ text, at }) => publish(noteSubject(jobId), encode({ jobId, t: at, text })),
        exited: async ({ exitCode, signal, outputBytes, output, at }) => {
          await persevering(() => api.keepOutput(jobId, output, outputBytes));
          void job.tell({ type: 'exited', exitCode, signal, outputBytes, at });
        },
        lost: async ({ error, outputBytes, output, at }) => {
          if (output.length > 0) await persevering(() => api.keepOutput(jobId, output, outputBytes));
          void job.tell({ type: 'lost', error, at });
        },
      };
    },
  };
}

/** A job's end is told only once its output is kept: waits out a store that is not available. */
function persevering(run: () => Promise<void>): Promise<void> {
  return pRetry(run, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: 250,
    maxTimeout: 5_000,
    shouldRetry: ({ error }) => error instanceof GridError && error.retryable,
  }).catch(() => {}); // A job has ended even where its output can never be kept.
}
