/** A typed client of the job API, for anything that can reach the grid's NATS. */
import type { Mux } from '../../runtime/mod.ts';
import type { JobRequestInput, JobState, JobView } from '../job/mod.ts';
import { JOB_API } from './actor.ts';
import type { Accepted, JobOutput } from './job-api.ts';
import type { Progress } from './watch-stream.ts';

export interface CallOptions {
  /** Default 10 000. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** Every call rejects with the grid's own typed error as `RemoteError`, or with what the mux throws. */
export class JobClient {
  readonly #mux: Mux;

  constructor(mux: Mux) {
    this.#mux = mux;
  }

  submit(request: JobRequestInput, options?: CallOptions): Promise<Accepted> {
    return this.#call(JOB_API.submit, request, options);
  }

  /** Jobs of a batch may depend on each other by `name`. */
  submitBatch(
    jobs: readonly JobRequestInput[],
    options?: CallOptions,
  ): Promise<{ readonly jobs: readonly Accepted[] }> {
    return this.#call(JOB_API.submit, { jobs }, options);
  }

  status(id: string, options?: CallOptions): Promise<JobView> {
    return this.#call(JOB_API.status, { id }, options);
  }

  async list(
    query: {
      readonly user?: string;
      readonly state?: JobState;
      readonly limit?: number;
      readonly after?: string;
    } = {},
    options?: CallOptions,
  ): Promise<readonly JobView[]> {
    const answer = await this.#call<{ jobs: JobView[] }>(JOB_API.list, query, options);
    return answer.jobs;
  }

  cancel(id: string, options?: CallOptions): Promise<JobView> {
    return this.#call(JOB_API.cancel, { id }, options);
  }

  output(
    id: string,
    query: { readonly offset?: number; readonly maxBytes?: number } = {},
  ): Promise<JobOutput> {
    return this.#call(JOB_API.output, { id, ...query });
  }

  /** States and numbers until the job has ended, or the loop is left. */
  watch(id: string, options: { readonly signal?: AbortSignal } = {}): AsyncIterable<Progress> {
    return this.#mux.requestStream(JOB_API.watch, { id }, options) as AsyncIterable<Progress>;
  }

  #call<T>(subject: string, body: object, options: CallOptions = {}): Promise<T> {
    return this.#mux.request(subject, body, { deadlineMs: 10_000, ...options }) as Promise<T>;
  }
}
