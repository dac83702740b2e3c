/** How long a call waits, and when it is sent again: the caller's deadline, and an actor that is just changing nodes. */
import type { Address } from '../address.ts';
import type { Clock } from '../clock.ts';
import { asGridError, Cancelled, DeadlineExceeded } from '../errors.ts';

/** The outcome of `promise`, or `DeadlineExceeded`, or `Cancelled` when `signal` fires. */
export function withinDeadline<T>(
  promise: Promise<T>,
  clock: Clock,
  address: Address,
  deadlineMs: number,
  signal?: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => settle(() => reject(new Cancelled(`ask ${address}`, signal?.reason)));
    const timer = clock.setTimeout(
      () => settle(() => reject(new DeadlineExceeded(`ask ${address}`, deadlineMs))),
      deadlineMs,
    );
    const settle = (outcome: () => void) => {
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      outcome();
    };
    if (signal?.aborted) return abort();
    signal?.addEventListener('abort', abort, { once: true });
    promise.then(
      (value) => settle(() => resolve(value)),
      (error) => settle(() => reject(error)),
    );
  });
}

/** Errors that say for certain that the message was not handled, by nodes that do not own its actor (any more). */
const UNOWNED: ReadonlySet<string> = new Set(['not-owner', 'misdirected', 'no-responders']);

/** Pauses between attempts, ms: a third of what it has taken so far, so that little is added to it. */
const SHORTEST = 4;
const LONGEST = 100;
const SHARE = 3;

/**
 * Attempts again, while the actor changes nodes, until somebody owns it or the deadline would pass.
 * `attempt` is told how much time it has.
 */
export async function untilOwned<T>(
  attempt: (leftMs: number) => Promise<T>,
  clock: Clock,
  deadlineMs: number,
  signal?: AbortSignal,
): Promise<T> {
  const began = clock.now();
  const ends = began + deadlineMs;
  for (;;) {
    let wait: number;
    try {
      return await attempt(ends - clock.now());
    } catch (error) {
      const final = !UNOWNED.has(asGridError(error).code) || signal?.aborted === true;
      const now = clock.now();
      wait = Math.min(LONGEST, Math.max(SHORTEST, (now - began) / SHARE));
      if (final || now + wait >= ends) throw error;
    }
    await new Promise<void>((resolve) => clock.setTimeout(resolve, wait));
  }
}
