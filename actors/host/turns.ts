/** Keeps what is done to one domain in order, while others go on: calls for one domain must not overlap. */

export class Turns {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Runs `task` after everything that was asked for `domain` before. */
  take<T>(domain: string, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(domain) ?? Promise.resolve();
    const turn = before.then(task, task);
    this.#tails.set(domain, turn);
    const leave = () => {
      if (this.#tails.get(domain) === turn) this.#tails.delete(domain);
    };
    turn.then(leave, leave);
    return turn;
  }
}
