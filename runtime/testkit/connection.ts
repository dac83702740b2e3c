/** A node's connection to the broker: two pipes that can be cut, are found to be cut some time later, and are made anew. */
import { TransportClosed, TransportSuspended } from '../errors.ts';
import type { TransportStatus } from '../transport/mod.ts';
import { Pipe } from './pipe.ts';
import type { SimulatedProcess } from './process.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

/** As the driver waits between attempts to connect, without its jitter. */
const BACK_OFF_MS = [25, 50, 100, 200, 400, 800, 1_600, 2_000] as const;
/** One way in how many latencies a connection is made: TCP, then CONNECT and PING. */
const HANDSHAKE_WAYS = 4;

/** Which way nothing passes. */
export type Direction = 'both' | 'up' | 'down';

/** What both sides make of one TCP connection; a lost one is followed by another. */
export class Session {
  readonly up: Pipe;
  readonly down: Pipe;
  /** Whether the broker still takes it for open. */
  open = true;
  readonly #endings: (() => void)[] = [];

  constructor(up: Pipe, down: Pipe) {
    this.up = up;
    this.down = down;
  }

  /** What the broker holds for it ends with it. */
  onEnd(ended: () => void): void {
    this.#endings.push(ended);
  }

  /** The broker gives it up. */
  end(): void {
    if (!this.open) return;
    this.open = false;
    for (const ended of this.#endings) ended();
  }

  lose(): void {
    this.up.break();
    this.down.break();
  }
}

export interface ConnectionOptions {
  readonly scheduler: Scheduler;
  readonly process: SimulatedProcess;
  readonly random: Random;
  /** Milliseconds one way. */
  readonly latency: (random: Random) => number;
  /** Milliseconds until a side finds out that the other does not answer. */
  readonly detection: (random: Random) => number;
  /** Whether there is a broker to connect to. */
  readonly reachable: () => boolean;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #listeners = new Set<(status: TransportStatus) => void>();
  #status: TransportStatus = 'connected';
  #session: Session;
  #cut: Direction | undefined;
  #attempts = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#session = this.#open();
    options.process.onCrash(() => this.#abandon());
  }

  get status(): TransportStatus {
    return this.#status;
  }

  /** The one in use, or the last one. */
  get session(): Session {
    return this.#session;
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Throws `TransportSuspended` or `TransportClosed` unless connected. */
  check(what: string): void {
    if (this.#status === 'suspended') throw new TransportSuspended(what);
    if (this.#status === 'closed') throw new TransportClosed(what);
  }

  /** To the broker, which runs `work` with the session that it came by. */
  up(work: (session: Session) => void): void {
    const session = this.#session;
    if (this.#status === 'connected' && this.#options.process.status !== 'crashed') {
      session.up.send(() => work(session));
    }
  }

  /** What was sent before still arrives. */
  close(): void {
    this.#abandon();
    this.#change('closed');
  }

  cut(direction: Direction): void {
    if (this.#cut !== undefined) this.heal();
    this.#cut = direction;
    this.#stall();
  }

  heal(): void {
    if (this.#cut === undefined) return;
    this.#cut = undefined;
    const session = this.#session;
    session.up.flow();
    session.down.flow();
    // Its answer to whatever comes is a reset.
    if (!session.open) this.#options.scheduler.after(this.#latency(), () => this.#lost(session));
  }

  /** The broker's process ends: both sides know at once, and nothing under way arrives. */
  reset(): void {
    const session = this.#session;
    session.end();
    session.lose();
    if (this.#cut === undefined) this.#options.scheduler.after(this.#latency(), () => this.#lost(session));
  }

  #open(): Session {
    const { scheduler, process } = this.#options;
    const latency = () => this.#latency();
    const session: Session = new Session(
      new Pipe(scheduler, latency, (work) => {
        if (session.open) work();
      }),
      new Pipe(scheduler, latency, (work) =>
        process.run(() => {
          if (session === this.#session && this.#status === 'connected') work();
        }),
      ),
    );
    return session;
  }

  #stall(): void {
    const session = this.#session;
    if (this.#cut !== 'down') session.up.stall();
    if (this.#cut !== 'up') session.down.stall();
    const { scheduler, process, detection, random } = this.#options;
    const still = () => session === this.#session && (session.up.stalled || session.down.stalled);
    scheduler.after(detection(random), () =>
      process.run(() => {
        if (still()) this.#lost(session);
      }),
    );
    scheduler.after(detection(random), () => {
      if (still()) session.end();
    });
  }

  /** This side gives the session up. */
  #lost(session: Session): void {
    this.#options.process.run(() => {
      if (session !== this.#session || this.#status !== 'connected') return;
      session.lose();
      // The broker learns it now where it can be reached, else by itself.
      const { scheduler, detection, random } = this.#options;
      scheduler.after(this.#cut === undefined ? this.#latency() : detection(random), () => session.end());
      this.#attempts = 0;
      this.#change('suspended');
      this.#retry();
    });
  }

  #retry(): void {
    const { process, reachable } = this.#options;
    const wait = BACK_OFF_MS[Math.min(this.#attempts, BACK_OFF_MS.length - 1)] as number;
    this.#attempts += 1;
    process.clock.setTimeout(() => {
      if (this.#status !== 'suspended') return;
      if (this.#cut !== undefined || !reachable()) this.#retry();
      else process.clock.setTimeout(() => this.#reconnect(), HANDSHAKE_WAYS * this.#latency());
    }, wait);
  }

  #reconnect(): void {
    if (this.#status !== 'suspended') return;
    if (this.#cut !== undefined || !this.#options.reachable()) {
      this.#retry();
      return;
    }
    this.#session = this.#open();
    this.#change('connected');
  }

  /** The other side hears of it after what was sent before. */
  #abandon(): void {
    const session = this.#session;
    session.up.send(() => session.end());
  }

  #change(status: TransportStatus): void {
    if (this.#status === status || this.#status === 'closed') return;
    this.#status = status;
    for (const listener of [...this.#listeners]) listener(status);
  }

  #latency(): number {
    return this.#options.latency(this.#options.random);
  }
}
