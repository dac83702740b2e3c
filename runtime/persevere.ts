/** Tries again what fails for reasons that pass: a store that is away, a connection that is being restored. */
import type { Clock } from './clock.ts';
import { asGridError, Cancelled } from './errors.ts';

export interface PersevereOptions {
  readonly clock: Clock;
  /** Before attempt n + 1, ms. */
  readonly pauseMs: (n: number) => number;
  /** Asked after each failure. Default: for ever. */
  readonly goesOn?: () => boolean;
  /** Ends it, with what it failed with last. */
  readonly signal?: AbortSignal | undefined;
}

/** The first success, or the first error that is not retryable, or the last one when it was not to go on. */
export async function persevere<T>(run: () => Promise<T>, options: PersevereOptions): Promise<T> {
  const { clock, pauseMs, goesOn, signal } = options;
  for (let n = 1; ; n++) {
    try {
      return await run();
    } catch (error) {
      if (!asGridError(error).retryable || signal?.aborted || goesOn?.() === false) throw error;
      await pause(clock, pauseMs(n), signal);
      if (signal?.aborted) throw new Cancelled('trying again', error);
    }
  }
}

/** Resolves after `delayMs`, or as soon as `signal` fires. */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.setTimeout(done, delayMs);
    signal?.addEventListener('abort', done, { once: true });
  });
}
