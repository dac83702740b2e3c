/** Puts things off to the end of this turn of the event loop, by microtasks alone: deterministic, and no timer is waited for. */

/** Microtasks in a row in which nothing was added; chains of promises that run side by side are no longer apart. */
const QUIET = 12;

export class Turn {
  #due: (() => void)[] = [];
  #quiet = 0;
  #waiting = false;

  /** Runs `flush` once the turn has nothing more to add. Once a call. */
  put(flush: () => void): void {
    this.#due.push(flush);
    this.#quiet = 0;
    if (this.#waiting) return;
    this.#waiting = true;
    queueMicrotask(this.#look);
  }

  /** Something was added to what waits: there may be more. */
  extend(): void {
    this.#quiet = 0;
  }

  /** At once. */
  end(): void {
    const due = this.#due;
    this.#due = [];
    for (const flush of due) flush();
  }

  readonly #look = (): void => {
    this.#quiet += 1;
    if (this.#quiet <= QUIET && this.#due.length > 0) {
      queueMicrotask(this.#look);
      return;
    }
    this.#waiting = false;
    this.end();
  };
}
