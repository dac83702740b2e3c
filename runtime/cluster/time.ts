/** Durations that hold although clocks are set, processes are stopped and calls hang. */
import type { Clock } from '../clock.ts';
import { DeadlineExceeded } from '../errors.ts';

/** A lease is over for others this much later than for its holder, whose clock may run slower than theirs. */
export const EXPIRY_FACTOR = 1.05;

/** Ms on a clock that is never set back, from any origin. */
export function elapsed(clock: Clock): number {
  return clock.elapsed?.() ?? clock.now();
}

/** The outcome of a call, or `DeadlineExceeded`: what was called may still happen. */
export function within<T>(clock: Clock, limitMs: number, call: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => reject(new DeadlineExceeded('store', limitMs)), limitMs);
    call.then(resolve, reject).finally(() => clock.clearTimeout(timer));
  });
}
