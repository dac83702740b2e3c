/** One timer for any number of deadlines, armed only while there are some. */
import type { Clock } from '../clock.ts';

export class Deadlines {
  readonly #clock: Clock;
  readonly #sweep: (now: number) => number | undefined;
  #timer: unknown;
  #armedFor = Number.POSITIVE_INFINITY;

  /** `sweep` deals with what is due at `now` and returns the next deadline, if any. */
  constructor(clock: Clock, sweep: (now: number) => number | undefined) {
    this.#clock = clock;
    this.#sweep = sweep;
  }

  /** Sweeps at `deadline` (milliseconds since the epoch), or earlier if armed for earlier. */
  arm(deadline: number): void {
    if (deadline >= this.#armedFor) return;
    this.stop();
    this.#armedFor = deadline;
    this.#timer = this.#clock.setTimeout(() => this.#fire(), Math.max(0, deadline - this.#clock.now()));
  }

  stop(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
  }

  #fire(): void {
    this.#timer = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
    const next = this.#sweep(this.#clock.now());
    if (next !== undefined) this.arm(next);
  }
}
