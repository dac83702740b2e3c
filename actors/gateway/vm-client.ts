/** A typed client of the VM API, for operators. */
import type { Mux } from '../../runtime/mod.ts';
import type { Checkpoint, Operation, Task } from '../host/mod.ts';
import { VM_API } from './actor.ts';
import type { OperationEvent, VmApi } from './vm-api.ts';

export interface OperateOptions extends Partial<Pick<Operation, 'id' | 'why' | 'deadlineMs'>> {
  /** Only say whether it would be begun. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

/** Every call rejects with the grid's own typed error as `RemoteError`, or with what the mux throws. */
export class VmClient {
  readonly #mux: Mux;

  constructor(mux: Mux) {
    this.#mux = mux;
  }

  /** Begins an operation and follows it to its report. Leaving the loop does not cancel it. */
  operate(jobId: string, task: Task, options: OperateOptions = {}): AsyncIterable<OperationEvent> {
    const { signal, ...rest } = options;
    const body = { jobId, task, ...rest };
    return this.#mux.requestStream(VM_API.operate, body, {
      ...(signal !== undefined && { signal }),
    }) as AsyncIterable<OperationEvent>;
  }

  async cancel(jobId: string, id: string): Promise<void> {
    await this.#mux.request(VM_API.cancel, { jobId, id }, { deadlineMs: 10_000 });
  }

  async checkpoints(jobId: string): Promise<readonly Checkpoint[]> {
    const options = { deadlineMs: 10_000 };
    return (await this.#mux.request(VM_API.checkpoints, { jobId }, options)) as readonly Checkpoint[];
  }

  async list(jobId?: string): ReturnType<VmApi['list']> {
    const query = jobId === undefined ? {} : { jobId };
    return (await this.#mux.request(VM_API.list, query, { deadlineMs: 10_000 })) as Awaited<
      ReturnType<VmApi['list']>
    >;
  }
}
