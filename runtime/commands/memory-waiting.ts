/** Commands of the in-memory log that wait for their time. */
import type { Clock } from '../clock.ts';
import type { NewCommand } from './port.ts';

interface Waiting {
  readonly command: NewCommand;
  readonly at: number;
  timer?: unknown;
}

/** What timers take; anything longer would mean at once. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export class MemoryWaiting {
  readonly #clock: Clock;
  readonly #onDue: (command: NewCommand) => void;
  readonly #waiting = new Map<string, Waiting>();

  constructor(clock: Clock, onDue: (command: NewCommand) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** In place of one with the same id to the same address. */
  add(command: NewCommand, at: number): void {
    const { id, to } = command;
    this.cancel(id, to);
    const waiting = { command, at };
    this.#waiting.set(keyOf(id, to), waiting);
    this.#watch(waiting);
  }

  cancel(id: string, to: string): boolean {
    this.#clock.clearTimeout(this.#waiting.get(keyOf(id, to))?.timer);
    return this.#waiting.delete(keyOf(id, to));
  }

  #watch(waiting: Waiting): void {
    const leftMs = waiting.at - this.#clock.now();
    if (leftMs > 0) {
      const delayMs = Math.min(leftMs, LONGEST_TIMEOUT_MS);
      waiting.timer = this.#clock.setTimeout(() => this.#watch(waiting), delayMs);
      return;
    }
    const { id, to } = waiting.command;
    this.#waiting.delete(keyOf(id, to));
    this.#onDue(waiting.command);
  }
}

const keyOf = (id: string, to: string) => `${to} ${id}`;
