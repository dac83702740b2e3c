/** Virtual time: runs one event after the other, each with all that its promises bring, as fast as the machine can. */
import { nextTick } from 'node:process';
import { setImmediate } from 'node:timers';
import { Agenda, type Entry } from './agenda.ts';

/** Settled events in a row before timers and sockets of the real process get their turn. */
const SETTLED_PER_BREATH = 4_096;

export class Scheduler {
  readonly #agenda = new Agenda();
  #elapsed = 0;
  #events = 0;
  #settled = 0;
  #touched = true;
  /** Told when an event, and what it brought, has settled. */
  onSettled: (() => void) | undefined;
  #run:
    | { readonly until: number; readonly resolve: () => void; readonly reject: (error: unknown) => void }
    | undefined;

  /** Virtual milliseconds since the start, with fractions. */
  get elapsed(): number {
    return this.#elapsed;
  }

  /** Events run so far. */
  get events(): number {
    return this.#events;
  }

  /** Runs `run` in `delayMs` of virtual time. What is due at the same time runs in the order in which it was asked for. */
  after(delayMs: number, run: () => void): Entry {
    return this.#agenda.add(this.#elapsed + Math.max(0, delayMs), run);
  }

  /** At a time that `elapsed` will reach; in the past means now. */
  at(elapsed: number, run: () => void): Entry {
    return this.#agenda.add(Math.max(this.#elapsed, elapsed), run);
  }

  cancel(entry: Entry): void {
    this.#agenda.cancel(entry);
  }

  /** Tells that this event ran code which may have left promises: they settle before the next event. */
  touch(): void {
    this.#touched = true;
  }

  /** Resolves when `elapsed` is `until`; rejects with what an event throws, and can then go on. One at a time. */
  runUntil(until: number): Promise<void> {
    if (this.#run !== undefined) throw new Error('the simulation is running already');
    return new Promise((resolve, reject) => {
      this.#run = { until, resolve, reject };
      // What the caller began settles first.
      this.#touched = true;
      this.#goOn();
    });
  }

  readonly #goOn = (): void => {
    const run = this.#run;
    if (run === undefined) return;
    try {
      this.onSettled?.();
      while (!this.#touched) {
        const at = this.#agenda.nextAt();
        if (at > run.until) {
          this.#elapsed = Math.max(this.#elapsed, run.until);
          this.#run = undefined;
          run.resolve();
          return;
        }
        this.#elapsed = at;
        this.#events += 1;
        this.#agenda.take()();
      }
    } catch (error) {
      this.#run = undefined;
      run.reject(error);
      return;
    }
    this.#touched = false;
    queueMicrotask(this.#settle);
  };

  /** A tick asked for by a microtask comes when no microtask is left: several times cheaper than a turn of the event loop. */
  readonly #settle = (): void => {
    this.#settled += 1;
    if (this.#settled % SETTLED_PER_BREATH === 0) setImmediate(this.#goOn);
    else nextTick(this.#goOn);
  };
}
