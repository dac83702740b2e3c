/** Polls to a deadline, so that no test sleeps for a guessed time. */
import { setTimeout as pause } from 'node:timers/promises';

/** The first value of `probe` that is neither undefined nor false. */
export async function until<T>(probe: () => T | Promise<T>, withinMs = 10_000): Promise<NonNullable<T>> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline) {
    const value = await probe();
    if (value !== undefined && value !== null && value !== false) return value;
    await pause(5);
  }
  throw new Error(`not within ${withinMs} ms: ${probe}`);
}
