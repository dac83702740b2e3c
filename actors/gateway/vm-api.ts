/** The VM API itself, free of transport: operations on the VMs of jobs, for operators. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type ActorSystem, GridError, RemoteError } from '../../runtime/mod.ts';
import {
  type Checkpoint,
  hostActor,
  type OperationProgress,
  type OperationReport,
  type OperationUnderWay,
  operationSchema,
} from '../host/mod.ts';
import { InvalidRequest, parse } from '../job/mod.ts';
import type { JobDirectory } from './directory.ts';
import { NoSuchJob } from './errors.ts';

export const operateQuery = z.strictObject({
  ...operationSchema.shape,
  id: operationSchema.shape.id.optional(),
  why: operationSchema.shape.why.default('asked for by an operator'),
  /** Only say whether it would be begun. */
  dryRun: z.boolean().optional(),
});
export const cancelQuery = z.strictObject({ jobId: z.string(), id: operationSchema.shape.id });
export const operationsQuery = z.strictObject({ jobId: z.string().optional() });
export const checkpointsQuery = z.strictObject({ jobId: z.string() });

/** What who asked for an operation sees of it, until it is over. */
export type OperationEvent =
  | { readonly type: 'begun'; readonly id: string; readonly host: string }
  /** A dry run: it would be begun. */
  | { readonly type: 'would-begin'; readonly id: string; readonly host: string }
  | ({ readonly type: 'progress' } & OperationProgress)
  | { readonly type: 'report'; readonly report: OperationReport };

export interface VmApiOptions {
  readonly system: ActorSystem;
  readonly directory: JobDirectory;
  readonly hosts: () => readonly string[];
  /** Progress and reports of all hosts, until the returned function is called. */
  readonly onOperation: (
    listener: (event: Extract<OperationEvent, { type: 'progress' | 'report' }>) => void,
  ) => () => void;
  /** Of a job's VM, from its host. */
  readonly checkpoints: (host: string, jobId: string) => Promise<readonly Checkpoint[]>;
  /** Resolves after so many ms. */
  readonly pause: (ms: number) => Promise<void>;
}

/** Reports are told once: one that was told while nobody could hear it is looked up. */
const LOOK_MS = 2_000;

export class VmApi {
  readonly #options: VmApiOptions;

  constructor(options: VmApiOptions) {
    this.#options = options;
  }

  /** Begins an operation and follows it. Leaving the loop does not cancel it. Throws what the host refuses it with. */
  async *operate(body: unknown, signal: AbortSignal): AsyncGenerator<OperationEvent> {
    const { dryRun = false, ...query } = parse(operateQuery, body);
    const operation = { ...query, id: query.id ?? randomUUID() };
    const { id, jobId } = operation;
    const host = this.#hostOf(jobId);
    const events: OperationEvent[] = [];
    let wake = () => {};
    const stop = this.#options.onOperation((event) => {
      const about = event.type === 'report' ? event.report.operation.id : event.id;
      if (about !== id) return;
      events.push(event);
      wake();
    });
    const onAbort = () => wake();
    signal.addEventListener('abort', onAbort);
    try {
      const ref = this.#options.system.ref(hostActor, host);
      const answer = await ref.ask({ type: 'operate', operation, dryRun });
      if (!answer.accepted) throw new RemoteError(answer.error);
      yield { type: dryRun ? 'would-begin' : 'begun', id, host };
      while (!dryRun && !signal.aborted) {
        const event = events.shift() ?? (await this.#lookUp(host, id));
        if (event !== undefined) yield event;
        if (event?.type === 'report') return;
        if (event !== undefined) continue;
        const told = new Promise<void>((resolve) => {
          wake = resolve;
        });
        if (events.length === 0) await Promise.race([told, this.#options.pause(LOOK_MS)]);
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      stop();
    }
  }

  /** Resolves when the host has been told; the operation ends with a report. */
  async cancel(body: unknown): Promise<void> {
    const { jobId, id } = parse(cancelQuery, body);
    await this.#options.system.ref(hostActor, this.#hostOf(jobId)).ask({ type: 'cancel-operation', id });
  }

  /** Oldest first. */
  async checkpoints(body: unknown): Promise<readonly Checkpoint[]> {
    const { jobId } = parse(checkpointsQuery, body);
    return await this.#options.checkpoints(this.#hostOf(jobId), jobId);
  }

  /** Under way, and the newest that are over, oldest first. */
  async list(body: unknown): Promise<{
    readonly underWay: readonly (OperationUnderWay & { readonly host: string })[];
    readonly reports: readonly (OperationReport & { readonly host: string })[];
  }> {
    const { jobId } = parse(operationsQuery, body ?? {});
    const wanted = <T extends OperationUnderWay>(host: string, all: readonly T[]) =>
      all
        .filter(({ operation }) => jobId === undefined || operation.jobId === jobId)
        .map((one) => ({ ...one, host }));
    const hosts = await Promise.all(
      this.#options.hosts().map(async (host) => {
        const { operations, reports } = await this.#describe(host);
        return { underWay: wanted(host, operations), reports: wanted(host, reports) };
      }),
    );
    return {
      underWay: hosts.flatMap(({ underWay }) => underWay),
      reports: hosts.flatMap(({ reports }) => reports).sort((one, other) => one.at - other.at),
    };
  }

  async #lookUp(host: string, id: string): Promise<OperationEvent | undefined> {
    const { reports, operations } = await this.#describe(host);
    const report = reports.find(({ operation }) => operation.id === id);
    if (report !== undefined) return { type: 'report', report };
    if (operations.some(({ operation }) => operation.id === id)) return undefined;
    throw new GridError('operation-unknown', `host ${host} knows nothing of operation ${id} any more`, {
      hint: 'its host agent has restarted: look at the VM, and ask for it again',
    });
  }

  #describe(host: string) {
    return this.#options.system.ref(hostActor, host).ask({ type: 'describe' });
  }

  #hostOf(jobId: string): string {
    const job = this.#options.directory.get(jobId);
    if (job === undefined) throw new NoSuchJob(jobId);
    if (job.host !== undefined && job.state === 'running') return job.host;
    throw new InvalidRequest(`job ${jobId} is ${job.state}: it has no VM`, 'jobId', 'a job that is running');
  }
}
