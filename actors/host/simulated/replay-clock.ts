/** A clock that begins in the past and catches up with another one: what waits on it meanwhile need not wait. */
import type { Clock } from '../../../runtime/mod.ts';

export class ReplayClock implements Clock {
  readonly #clock: Clock;
  #behindMs: number;

  constructor(clock: Clock, behindMs: number) {
    this.#clock = clock;
    this.#behindMs = behindMs;
  }

  now(): number {
    return this.#clock.now() - this.#behindMs;
  }

  setTimeout(run: () => void, delayMs: number): unknown {
    const skipped = Math.min(delayMs, this.#behindMs);
    this.#behindMs -= skipped;
    return this.#clock.setTimeout(run, delayMs - skipped);
  }

  clearTimeout(timer: unknown): void {
    this.#clock.clearTimeout(timer);
  }
}
