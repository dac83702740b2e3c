/** One direction of a connection: everything arrives after a latency, and in the order in which it was sent. */
import type { Scheduler } from './scheduler.ts';

export class Pipe {
  readonly #scheduler: Scheduler;
  readonly #latency: () => number;
  readonly #deliver: (work: () => void) => void;
  #queue: (() => void)[] = [];
  #head = 0;
  #lastAt = 0;
  #stalled = false;
  /** Arrivals that fell into a stall. */
  #owed = 0;
  #broken = false;

  /** `deliver` is called for each `work` that arrives. */
  constructor(scheduler: Scheduler, latency: () => number, deliver: (work: () => void) => void) {
    this.#scheduler = scheduler;
    this.#latency = latency;
    this.#deliver = deliver;
  }

  get stalled(): boolean {
    return this.#stalled;
  }

  send(work: () => void): void {
    if (this.#broken) return;
    this.#queue.push(work);
    this.#schedule();
  }

  /** Nothing arrives until {@link flow}; nothing is lost, as TCP sends again. */
  stall(): void {
    this.#stalled = true;
  }

  flow(): void {
    if (!this.#stalled) return;
    this.#stalled = false;
    const owed = this.#owed;
    this.#owed = 0;
    for (let i = 0; i < owed; i++) this.#schedule();
  }

  /** What is under way is lost, and what is sent from now on. */
  break(): void {
    this.#broken = true;
    this.#queue = [];
  }

  #schedule(): void {
    this.#lastAt = Math.max(this.#lastAt, this.#scheduler.elapsed + this.#latency());
    this.#scheduler.at(this.#lastAt, this.#arrive);
  }

  readonly #arrive = (): void => {
    if (this.#broken) return;
    if (this.#stalled) {
      this.#owed += 1;
      return;
    }
    const work = this.#queue[this.#head++] as () => void;
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    }
    this.#deliver(work);
  };
}
