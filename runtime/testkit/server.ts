/** The side of the broker that answers: takes requests one by one, is away at times, loses requests and answers. */
import { StoreUnavailable } from '../errors.ts';
import type { Connection } from './connection.ts';
import { Pipe } from './pipe.ts';
import type { SimulatedProcess } from './process.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

/** How likely a request or its answer is lost. Either way the caller learns of it by its deadline alone. */
export interface ServerFaults {
  readonly loseRequest: number;
  readonly loseAnswer: number;
}

/** `stalled`: what is asked is done later, when its caller has given up. `refusing`: nothing is done, and it says so. */
export type Outage = 'stalled' | 'refusing';

export interface ServerOptions {
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** Milliseconds from a request's arrival until it is done and on disk. */
  readonly work: (random: Random) => number;
}

export class SimulatedServer {
  faults: ServerFaults = { loseRequest: 0, loseAnswer: 0 };
  readonly #random: Random;
  readonly #queue: Pipe;
  #refusing = false;

  constructor({ scheduler, random, work }: ServerOptions) {
    this.#random = random;
    this.#queue = new Pipe(
      scheduler,
      () => work(random),
      (request) => {
        scheduler.touch();
        request();
      },
    );
  }

  get refusing(): boolean {
    return this.#refusing;
  }

  /** Takes no effect on what is asked of it, or none yet. */
  fail(outage: Outage): void {
    if (outage === 'refusing') this.#refusing = true;
    else this.#queue.stall();
  }

  restore(): void {
    this.#refusing = false;
    this.#queue.flow();
  }

  /** Runs `request` after those that came before it, unless it is lost. */
  take(request: () => void): void {
    if (!this.#random.chance(this.faults.loseRequest)) this.#queue.send(request);
  }

  losesAnswer(): boolean {
    return this.#random.chance(this.faults.loseAnswer);
  }
}

/** What a server's answer is: a value, or the error to throw. */
type Answer<T> = { readonly value: T } | { readonly error: unknown };

/** A node's way to a server. */
export class Client {
  readonly #server: SimulatedServer;
  readonly #connection: Connection;
  readonly #process: SimulatedProcess;
  readonly #timeoutMs: number;
  readonly #unanswered = new Set<(error: unknown) => void>();

  constructor(server: SimulatedServer, connection: Connection, process: SimulatedProcess, timeoutMs: number) {
    this.#server = server;
    this.#connection = connection;
    this.#process = process;
    this.#timeoutMs = timeoutMs;
    connection.onStatus((status) => {
      if (status === 'connected') return;
      const waiting = [...this.#unanswered];
      this.#unanswered.clear();
      for (const giveUp of waiting) giveUp(new Error('the connection is lost'));
    });
  }

  /**
   * Has the server run `work`, whose promises must not wait for time to pass. Throws what `work` throws, else as the
   * ports say.
   */
  call<T>(what: string, work: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#connection.check(what);
      const fail = (error: unknown) => {
        settle();
        reject(new StoreUnavailable(what, error));
      };
      const timer = this.#process.clock.setTimeout(() => fail(new Error('timeout')), this.#timeoutMs);
      const settle = () => {
        this.#process.clock.clearTimeout(timer);
        this.#unanswered.delete(fail);
      };
      this.#unanswered.add(fail);
      const receive = (answer: Answer<T>) => {
        // It came too late.
        if (!this.#unanswered.has(fail)) return;
        if (answer === REFUSED) {
          fail(REFUSED.error);
          return;
        }
        settle();
        if ('error' in answer) reject(answer.error);
        else resolve(answer.value);
      };
      this.#connection.up((session) =>
        this.#server.take(() => {
          const send = (answer: Answer<T>) => {
            if (!this.#server.losesAnswer()) session.down.send(() => receive(answer));
          };
          if (this.#server.refusing) send(REFUSED);
          else attempt(work, send);
        }),
      );
    });
  }
}

const REFUSED = { error: new Error('no leader') };

function attempt<T>(work: () => T | Promise<T>, done: (answer: Answer<T>) => void): void {
  try {
    const result = work();
    if (result instanceof Promise) {
      result.then(
        (value) => done({ value }),
        (error) => done({ error }),
      );
    } else done({ value: result });
  } catch (error) {
    done({ error });
  }
}
