/** A budget of time: so many milliseconds may be spent in each second, and what a thing costs is learnt by doing it. */

/** Share of the newest cost in the estimate. */
const NEWEST = 0.3;

/** A token bucket that holds at most one second's budget. Times in ms. */
export class CostBudget<Key extends string> {
  readonly #perSecond: number;
  readonly #elapsed: () => number;
  readonly #estimates = new Map<Key, number>();
  #left: number;
  #at: number;
  #spent = 0;

  constructor(msPerSecond: number, elapsed: () => number) {
    this.#perSecond = this.#left = msPerSecond;
    this.#elapsed = elapsed;
    this.#at = elapsed();
  }

  /** All that was spent. */
  get spentMs(): number {
    return this.#spent;
  }

  /** Whether there is budget for it. What costs more than a whole second's budget may run when that is there. */
  affords(key: Key): boolean {
    const now = this.#elapsed();
    this.#left = Math.min(this.#perSecond, this.#left + ((now - this.#at) / 1000) * this.#perSecond);
    this.#at = now;
    return this.#left > 0 && this.#left >= Math.min(this.#estimates.get(key) ?? 0, this.#perSecond);
  }

  /** Runs it and takes its time from the budget, which may go into debt. */
  async spend<T>(key: Key, run: () => Promise<T>): Promise<T> {
    const began = this.#elapsed();
    try {
      return await run();
    } finally {
      const cost = this.#elapsed() - began;
      const known = this.#estimates.get(key);
      this.#estimates.set(key, known === undefined ? cost : known + NEWEST * (cost - known));
      this.#left -= cost;
      this.#spent += cost;
    }
  }
}
