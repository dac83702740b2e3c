/** Counts an actor's failures: whether it is restarted, and after how long. */
import type { Clock } from '../clock.ts';
import { pause } from '../persevere.ts';
import type { RestartPolicy } from './definition.ts';

export class Restarts {
  readonly #policy: RestartPolicy;
  readonly #clock: Clock;
  #failures: number[] = [];
  /** Ends the pause before a restart. */
  #hurry: AbortController | undefined;

  constructor(policy: RestartPolicy, clock: Clock) {
    this.#policy = policy;
    this.#clock = clock;
  }

  /** Failures that count, ms since the epoch. */
  recent(): number[] {
    const since = this.#clock.now() - this.#policy.withinMs;
    return this.#failures.filter((at) => at > since);
  }

  /** Notes a failure; false when it was one too many. */
  note(): boolean {
    this.#failures = [...this.recent(), this.#clock.now()];
    return this.#failures.length <= this.#policy.limit;
  }

  /** What fails again and again gets its time, and leaves others theirs. Resolves at once for a first failure. */
  async backOff(): Promise<void> {
    const { backOffMs, longestBackOffMs } = this.#policy;
    if (this.#failures.length < 2) return;
    this.#hurry = new AbortController();
    const delayMs = Math.min(longestBackOffMs, backOffMs * 2 ** (this.#failures.length - 2));
    await pause(this.#clock, delayMs, this.#hurry.signal);
  }

  /** Nothing is waited for any more. */
  hurry(): void {
    this.#hurry?.abort();
  }
}
