/** Waiting in tests: polls to a deadline and says what did not come. */
import { setTimeout as delay } from 'node:timers/promises';

/** Calls `look` until it gives something true; throws when `withinMs` (default 60 s) have passed. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  let failure: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`not within ${withinMs / 1000} s: ${what}`, { cause: failure });
    }
    await delay(50);
  }
}
