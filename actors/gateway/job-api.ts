/** The job API itself, free of transport: the NATS gateway and the HTTP admin both speak through it. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import {
  ActorExists,
  type ActorSystem,
  type Clock,
  decode,
  encode,
  type KeyValue,
} from '../../runtime/mod.ts';
import {
  InvalidRequest,
  JOB_STATES,
  type JobInput,
  type JobRequest,
  type JobView,
  jobActor,
  parse,
  parseSubmission,
  TERMINAL_STATES,
} from '../job/mod.ts';
import { admit, type Inventory } from './admission.ts';
import type { JobDirectory } from './directory.ts';
import { IdempotencyKeyReused, NoSuchJob } from './errors.ts';
import { planSubmission } from './submission.ts';
import { wholeCharacters } from './text.ts';
import { type Progress, WatchStream } from './watch-stream.ts';

const id = z.string().regex(/^j-[0-9a-z]{8,40}$/, { error: 'a job id as submit returned it: j-...' });

export const idQuery = z.strictObject({ id });
export const listQuery = z.strictObject({
  user: z.string().max(64).optional(),
  application: z.string().max(64).optional(),
  state: z.enum(JOB_STATES).optional(),
  limit: z.number().int().min(1).max(1_000).default(100),
  after: id.optional(),
});
export const outputQuery = z.strictObject({
  id,
  offset: z.number().int().min(0).default(0),
  maxBytes: z.number().int().min(1).max(262_144).default(65_536),
});

/** The answer to a submission, one per job. */
export interface Accepted {
  readonly id: string;
  readonly state: JobView['state'];
  /** True when the idempotency key brought back a job that was there. */
  readonly existing: boolean;
}

export interface JobOutput {
  readonly id: string;
  /** Where `text` begins in the whole output, bytes: later than asked for if older output is no longer kept. */
  readonly offset: number;
  readonly text: string;
  /** Ask again from here. */
  readonly next: number;
  /** The job has ended and this was the rest. */
  readonly complete: boolean;
}

/** What is kept of a job's output once it has ended. */
interface KeptOutput {
  readonly start: number;
  readonly data: Uint8Array;
}

export interface JobApiOptions {
  readonly system: ActorSystem;
  readonly directory: JobDirectory;
  /** Output of ended jobs, by job id. */
  readonly outputs: KeyValue;
  readonly clock: Clock;
  readonly inventory: () => Inventory;
  /** Output of a job that runs, from its host; undefined if it is not there. */
  readonly liveOutput: (
    job: JobView,
    offset: number,
    maxBytes: number,
  ) => Promise<{ readonly offset: number; readonly data: Uint8Array } | undefined>;
  /** Progress of a running job, until the returned function is called. */
  readonly onProgress: (job: JobView, listener: (progress: Progress) => void) => () => void;
}

export class JobApi {
  readonly #options: JobApiOptions;
  /** Ids that are being stored: the same key may be sent again before the first answer. */
  readonly #accepting = new Map<string, Promise<unknown>>();

  constructor(options: JobApiOptions) {
    this.#options = options;
  }

  /** Accepts a job, or a batch of jobs: accepted means stored. Errors name the field that is wrong. */
  async submit(body: unknown): Promise<Accepted | { readonly jobs: readonly Accepted[] }> {
    const { directory, clock, inventory } = this.#options;
    const requests = parseSubmission(body);
    const batch = typeof body === 'object' && body !== null && 'jobs' in body;
    const inputs = planSubmission(requests, {
      now: clock.now(),
      randomId: () => randomUUID().replaceAll('-', '').slice(0, 16),
      jobExists: (jobId) => directory.get(jobId) !== undefined,
      batch,
    });
    const available = inventory();
    for (const { id: jobId, request } of inputs) {
      // A job that was accepted before is answered whatever has become of its image or pool since.
      if (directory.get(jobId) !== undefined) continue;
      admit(request, available, batch ? `jobs.${requests.indexOf(request)}` : '');
    }
    const accepted = new Map<JobRequest, Accepted>();
    // In order: a job is never stored before those it depends on.
    for (const input of inputs) accepted.set(input.request, await this.#accept(input));
    // Answered in the order they were sent in, so that the caller can tell which is which.
    const answers = requests.map((request) => accepted.get(request)!);
    return batch ? { jobs: answers } : answers[0]!;
  }

  status(body: unknown): JobView {
    return this.#view(parse(idQuery, body).id);
  }

  list(body: unknown): { readonly jobs: readonly JobView[] } {
    const { limit, after, ...filter } = parse(listQuery, body ?? {});
    if (after !== undefined && this.#options.directory.get(after) === undefined) {
      throw new InvalidRequest(
        `there is no job ${after}`,
        'after',
        'the id of the last job of the page before',
      );
    }
    return { jobs: this.#options.directory.list(filter, limit, after).map(withoutText) };
  }

  /** Ends a job wherever it is; a job that has ended already stays as it is. */
  async cancel(body: unknown): Promise<JobView> {
    const job = this.#view(parse(idQuery, body).id);
    if (TERMINAL_STATES.includes(job.state)) return job;
    const { system, clock } = this.#options;
    return await system.ref(jobActor, job.id).ask({ type: 'cancel', at: clock.now() });
  }

  async output(body: unknown): Promise<JobOutput> {
    const query = parse(outputQuery, body);
    const job = this.#view(query.id);
    const ended = TERMINAL_STATES.includes(job.state);
    // Its own length decides when it is complete: a job that was lost or cancelled never told how much it wrote.
    const kept = ended ? await this.#keptOutput(query.id, query.offset, query.maxBytes) : undefined;
    const answer = ended ? kept : await this.#options.liveOutput(job, query.offset, query.maxBytes);
    const { offset, data } = answer ?? { offset: query.offset, data: new Uint8Array() };
    const rest = ended && offset + data.length >= (kept?.end ?? 0);
    const page = rest ? data : data.subarray(0, wholeCharacters(data));
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(page);
    return { id: query.id, offset, text, next: offset + page.length, complete: rest };
  }

  /** States and progress of a job until it has ended. */
  async *watch(body: unknown, signal: AbortSignal): AsyncGenerator<Progress> {
    const job = this.#view(parse(idQuery, body).id);
    yield* new WatchStream(this.#options).follow(job, signal);
  }

  /** Keeps the end of a job's output; `data` are its last bytes of `total`. */
  async keepOutput(jobId: string, data: Uint8Array, total: number): Promise<void> {
    const kept: KeptOutput = { start: Math.max(0, total - data.length), data };
    await this.#options.outputs.put(jobId, encode(kept));
  }

  async #accept(input: JobInput): Promise<Accepted> {
    // Only a key can be sent twice: other jobs have ids of their own.
    if (input.request.idempotencyKey === undefined) return await this.#store(input);
    while (this.#accepting.has(input.id)) await this.#accepting.get(input.id);
    const accepted = this.#store(input);
    const settled = accepted.then(
      () => this.#accepting.delete(input.id),
      () => this.#accepting.delete(input.id),
    );
    this.#accepting.set(input.id, settled);
    return await accepted;
  }

  async #store(input: JobInput): Promise<Accepted> {
    const { directory, system } = this.#options;
    try {
      await system.spawn(jobActor, input.id, input);
      return { id: input.id, state: 'accepted', existing: false };
    } catch (error) {
      if (!(error instanceof ActorExists)) throw error;
      const job = directory.get(input.id) ?? (await this.#found(input.id));
      if (job.requestHash !== input.requestHash) throw new IdempotencyKeyReused(input.id);
      return { id: input.id, state: job.state, existing: true };
    }
  }

  /** A job that was stored although its first submission was never answered: it goes on from here. */
  async #found(jobId: string): Promise<JobView> {
    const { directory, system } = this.#options;
    const job = await system.ref(jobActor, jobId).ask({ type: 'describe' });
    directory.note(job);
    return job;
  }

  #view(jobId: string): JobView {
    const job = this.#options.directory.get(jobId);
    if (job === undefined) throw new NoSuchJob(jobId);
    return job;
  }

  async #keptOutput(jobId: string, offset: number, maxBytes: number) {
    const entry = await this.#options.outputs.get(jobId);
    if (entry === undefined) return undefined;
    const { start, data } = decode(entry.value) as KeptOutput;
    const from = Math.max(offset, start);
    return {
      offset: from,
      data: data.subarray(from - start, from - start + maxBytes),
      end: start + data.length,
    };
  }
}

/** Lists leave out what may be long; `status` has it. */
function withoutText(job: JobView): JobView {
  const { command: _, script: __, ...request } = job.request;
  return { ...job, request };
}
