/** A node's process as the operating system has it: it runs, is stopped for a while, or is gone. */
import type { Clock } from '../clock.ts';
import type { Entry } from './agenda.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

/** Of what waited, what a process that goes on gets first. */
type Order = 'as it came' | 'timers first' | 'messages first';
const ORDERS: readonly Order[] = ['as it came', 'timers first', 'messages first'];

/** What Node takes; anything else means 1. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

interface Waiting {
  readonly timer: boolean;
  readonly run: () => void;
}

/** What a process knows of where it runs. */
export interface MachineClock {
  /** What it would have shown at the start of the simulation, milliseconds since the epoch. May be set. */
  epoch: number;
  /** How fast it runs; 1.005 gains 5 ms a second. */
  readonly rate: number;
}

export class SimulatedProcess {
  readonly #scheduler: Scheduler;
  readonly #machine: MachineClock;
  readonly #random: Random;
  readonly #endings: (() => void)[] = [];
  #status: 'running' | 'paused' | 'crashed' = 'running';
  #waiting: Waiting[] = [];
  #draining = false;
  /** Goes on with the process, and ends with it. */
  readonly clock: Clock;

  constructor(scheduler: Scheduler, machine: MachineClock, random: Random) {
    this.#scheduler = scheduler;
    this.#machine = machine;
    this.#random = random;
    this.clock = {
      now: () => Math.floor(this.#machine.epoch + scheduler.elapsed * this.#machine.rate),
      elapsed: () => scheduler.elapsed * this.#machine.rate,
      setTimeout: (run, delayMs) => this.#setTimeout(run, delayMs),
      clearTimeout: (timer) => (timer as Timer | undefined)?.clear(),
    };
  }

  get status(): 'running' | 'paused' | 'crashed' {
    return this.#status;
  }

  /** Runs code of the node: now, when the process goes on, or never. */
  run(run: () => void, timer = false): void {
    if (this.#status === 'crashed') return;
    if (this.#status === 'paused' || this.#draining) {
      this.#waiting.push({ timer, run });
      return;
    }
    this.#scheduler.touch();
    run();
  }

  /** SIGSTOP, a long garbage collection, a VM that is being moved. */
  pause(): void {
    if (this.#status === 'running') this.#status = 'paused';
  }

  /** What waited runs now, each after what the one before it brought has settled. */
  resume(): void {
    if (this.#status !== 'paused') return;
    this.#status = 'running';
    const order = this.#random.pick(ORDERS);
    if (order !== 'as it came') {
      const first = order === 'timers first';
      const timers = this.#waiting.filter(({ timer }) => timer === first);
      this.#waiting = timers.concat(this.#waiting.filter(({ timer }) => timer !== first));
    }
    if (this.#draining || this.#waiting.length === 0) return;
    this.#draining = true;
    this.#scheduler.after(0, this.#drain);
  }

  /** SIGKILL. */
  crash(): void {
    if (this.#status === 'crashed') return;
    this.#status = 'crashed';
    this.#waiting = [];
    for (const ended of this.#endings) ended();
  }

  onCrash(ended: () => void): void {
    this.#endings.push(ended);
  }

  readonly #drain = (): void => {
    if (this.#status !== 'running') {
      this.#draining = false;
      return;
    }
    const next = this.#waiting.shift();
    this.#draining = this.#waiting.length > 0;
    if (this.#draining) this.#scheduler.after(0, this.#drain);
    if (next === undefined) return;
    this.#scheduler.touch();
    next.run();
  };

  #setTimeout(run: () => void, delayMs: number): Timer | undefined {
    if (this.#status === 'crashed') return undefined;
    const delay = delayMs >= 1 && delayMs <= LONGEST_TIMEOUT_MS ? Math.trunc(delayMs) : 1;
    return new Timer(this.#scheduler, this, delay / this.#machine.rate, run);
  }
}

class Timer {
  readonly #scheduler: Scheduler;
  readonly #entry: Entry;
  #cleared = false;

  constructor(scheduler: Scheduler, process: SimulatedProcess, delay: number, run: () => void) {
    this.#scheduler = scheduler;
    const due = () => {
      if (!this.#cleared) run();
    };
    this.#entry = scheduler.after(delay, () => process.run(due, true));
  }

  clear(): void {
    this.#cleared = true;
    this.#scheduler.cancel(this.#entry);
  }
}
