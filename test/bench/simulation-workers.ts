/** Runs seeds of the simulation on two threads; each takes the next one when it is done. */
import { Worker } from 'node:worker_threads';
import type { SeedRequest, SeedResult } from './simulation-worker.ts';

const THREADS = 2;
/** Of each thread: most of what a seed makes is garbage when its event has settled. */
const YOUNG_MB = 64;

export class SimulationWorkers implements AsyncDisposable {
  readonly #workers: readonly Worker[];

  constructor() {
    const source = new URL('./simulation-worker.ts', import.meta.url);
    this.#workers = Array.from(
      { length: THREADS },
      () => new Worker(source, { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } }),
    );
  }

  get count(): number {
    return this.#workers.length;
  }

  /** Rejects when a thread dies. */
  async run(requests: readonly SeedRequest[], done: (result: SeedResult) => void): Promise<void> {
    const waiting = [...requests].reverse();
    await Promise.all(
      this.#workers.map(async (worker) => {
        for (let request = waiting.pop(); request !== undefined; request = waiting.pop()) {
          done(await this.#one(worker, request));
        }
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #one(worker: Worker, request: SeedRequest): Promise<SeedResult> {
    return new Promise((resolve, reject) => {
      const failed = (error: unknown) => reject(new Error(`seed ${request.seed}`, { cause: error }));
      worker.once('error', failed);
      worker.once('message', (result: SeedResult) => {
        worker.off('error', failed);
        resolve(result);
      });
      worker.postMessage(request);
    });
  }
}
