/** Waiting in tests: polls to a deadline, so that none sleeps for a guessed time. */
import { setTimeout as pause } from 'node:timers/promises';

/** Most between two looks, ms. The first ones follow each other closely. */
const LONGEST_PAUSE_MS = 25;

/**
 * The first value of `look` that is neither undefined, null nor false; a look that throws is made again.
 * Throws when `withinMs` (default 60 s) have passed; `cause` is what the last look threw.
 */
export async function until<T>(look: () => T | Promise<T>, withinMs = 60_000): Promise<Found<T>> {
  const deadline = performance.now() + withinMs;
  for (let pauseMs = 5; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    let failure: unknown;
    try {
      const found = await look();
      if (isFound(found)) return found;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`not within ${withinMs / 1000} s: ${look}`, { cause: failure });
    }
    await pause(pauseMs);
  }
}

type Found<T> = Exclude<T, undefined | null | false>;

function isFound<T>(value: T): value is Found<T> {
  return value !== undefined && value !== null && value !== false;
}
