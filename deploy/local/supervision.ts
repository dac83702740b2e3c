/** Keeps a daemon of the grid's own running: looks at it, and starts it again when it has died. */
import { toWireError } from '../../runtime/mod.ts';

/** What a daemon's starter hands out. */
export interface Daemon {
  readonly pid: number | undefined;
  /** Whether its process is there. */
  running(): Promise<boolean>;
}

export interface SupervisionOptions<D extends Daemon> {
  /** As people know it. */
  readonly name: string;
  /** It runs now. */
  readonly daemon: D;
  /** Starts it as it was: same port, same store, same sockets. */
  readonly start: () => Promise<D>;
  readonly warn: (message: string) => void;
  /** Time between two looks, ms. Default 1000. */
  readonly everyMs?: number;
}

/** Between two attempts to start it, ms: doubles from the first to the last. */
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 10_000;
/** A daemon that has lived so long gets a quick start again, ms. */
const PROVEN_MS = 60_000;

export class Supervision<D extends Daemon> {
  readonly #options: SupervisionOptions<D>;
  #daemon: D;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looking: Promise<void> | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #startedAt = performance.now();
  #stopped = false;

  constructor(options: SupervisionOptions<D>) {
    this.#options = options;
    this.#daemon = options.daemon;
    this.#lookIn(options.everyMs ?? 1_000);
  }

  /** Looks now: something hints that it may have died. Does not undercut the pause between two starts. */
  look(): void {
    if (this.#pauseMs === FIRST_PAUSE_MS) this.#lookIn(0);
  }

  /** Leaves it as it is from now on. Resolves with it as it is now, after a start that is under way. */
  async stop(): Promise<D> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
    return this.#daemon;
  }

  #lookIn(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#looking ??= this.#check().finally(() => {
        this.#looking = undefined;
      });
    }, delayMs);
  }

  async #check(): Promise<void> {
    const { everyMs = 1_000, name, start, warn } = this.#options;
    if (await this.#daemon.running()) {
      if (performance.now() - this.#startedAt > PROVEN_MS) this.#pauseMs = FIRST_PAUSE_MS;
      return this.#lookIn(everyMs);
    }
    if (this.#stopped) return;
    const pid = this.#daemon.pid;
    try {
      this.#daemon = await start();
      this.#startedAt = performance.now();
      warn(`${name} (pid ${pid}) had died and was started again (pid ${this.#daemon.pid})`);
    } catch (error) {
      warn(`${name} (pid ${pid}) has died and cannot be started again yet: ${toWireError(error).message}`);
    }
    this.#pauseMs = Math.min(LAST_PAUSE_MS, this.#pauseMs * 2);
    this.#lookIn(this.#pauseMs);
  }
}
