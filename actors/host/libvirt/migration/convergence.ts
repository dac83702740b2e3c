/** Whether a copying gets anywhere: what remains must fall below its lowest so far within a while. Pure. */

/** Less is noise: a guest that dirties as fast as it is copied hovers around the same amount. */
const PROGRESS = 0.01;

export class Convergence {
  readonly #stallMs: number;
  #lowest = Number.POSITIVE_INFINITY;
  #since: number | undefined;

  constructor(stallMs: number) {
    this.#stallMs = stallMs;
  }

  /** True once no progress was seen for so long. `now` in ms, `remaining` in any unit. */
  stalled(now: number, remaining: number): boolean {
    if (this.#since === undefined || remaining < this.#lowest * (1 - PROGRESS)) {
      this.#lowest = remaining;
      this.#since = now;
    }
    return now - this.#since >= this.#stallMs;
  }
}
