/** What somebody who watches a job sees: each state, and the numbers while it runs. */
import { type JobView, TERMINAL_STATES } from '../job/mod.ts';
import type { JobDirectory } from './directory.ts';

export type Progress =
  | { readonly type: 'state'; readonly job: JobView }
  /** While it runs, once per forecast step. CPU in cores, memory in MiB. */
  | {
      readonly type: 'demand';
      readonly id: string;
      readonly t: number;
      readonly useCores: number;
      readonly useMemoryMiB: number;
      readonly throttled: number;
      readonly cores: number;
      readonly vcpus: number;
      readonly memoryMiB: number;
      /** Forecast peak within the next second: median, and the quantile that is provided for. */
      readonly medianCores: number;
      readonly upperCores: number;
    }
  /** Something was changed, or could not be. */
  | {
      readonly type: 'directive';
      readonly id: string;
      readonly t: number;
      readonly resource: string;
      readonly from: number;
      readonly to: number;
      readonly outcome: string;
      readonly rule: string;
      readonly tookMs: number;
    }
  /** A line the job wrote to its note channel. */
  | { readonly type: 'note'; readonly id: string; readonly t: number; readonly text: string };

export interface WatchStreamOptions {
  readonly directory: JobDirectory;
  readonly onProgress: (job: JobView, listener: (progress: Progress) => void) => () => void;
}

/** Items that may wait for a slow reader; the oldest numbers are dropped beyond that, states never. */
const BOUND = 256;

export class WatchStream {
  readonly #options: WatchStreamOptions;

  constructor(options: WatchStreamOptions) {
    this.#options = options;
  }

  async *follow(job: JobView, signal: AbortSignal): AsyncGenerator<Progress> {
    const waiting: Progress[] = [];
    let wake: () => void = () => {};
    const push = (item: Progress) => {
      if (waiting.length >= BOUND) {
        const oldest = waiting.findIndex((other) => other.type !== 'state');
        if (oldest >= 0) waiting.splice(oldest, 1);
      }
      waiting.push(item);
      wake();
    };
    const stop = [
      this.#options.directory.onChange(job.id, (changed) => push({ type: 'state', job: changed })),
      this.#options.onProgress(job, push),
    ];
    const onAbort = () => wake();
    signal.addEventListener('abort', onAbort);
    try {
      push({ type: 'state', job: this.#options.directory.get(job.id) ?? job });
      while (!signal.aborted) {
        const item = waiting.shift();
        if (item === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        yield item;
        if (item.type === 'state' && TERMINAL_STATES.includes(item.job.state)) return;
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      for (const end of stop) end();
    }
  }
}
