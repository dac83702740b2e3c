/** A periodic timer that keeps its clock: late ticks are not passed on, missed ones are skipped and counted. */
import type { Clock } from '../../runtime/mod.ts';

export interface TickerOptions {
  readonly clock: Clock;
  /** Time between ticks, ms. */
  readonly intervalMs: number;
  readonly onTick: () => void;
}

/** How well the clock was kept. An interval's error is how far it was from the one asked for, either way, ms. */
export interface TickerReport {
  readonly ticks: number;
  /** Ticks that never came because the one before, or something else on this thread, took too long. */
  readonly skipped: number;
  readonly intervalErrorP50Ms: number;
  readonly intervalErrorP99Ms: number;
  readonly intervalErrorMaxMs: number;
}

/** Errors are counted in bins of this width; what is beyond the last bin is in it. */
const BIN_MS = 0.1;
const BINS = 1000;

export class Ticker {
  readonly #options: TickerOptions;
  readonly #errors = new Uint32Array(BINS);
  #timer: unknown;
  #due = 0;
  #last = 0;
  #ticks = 0;
  #skipped = 0;
  #maxErrorMs = 0;

  /** Stands still until it is started. */
  constructor(options: TickerOptions) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#timer !== undefined;
  }

  /** The first tick is one interval from now. A ticker that runs goes on as it does. */
  start(): void {
    if (this.running) return;
    this.#due = this.#last = this.#elapsed();
    this.#wait();
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  report(): TickerReport {
    return {
      ticks: this.#ticks,
      skipped: this.#skipped,
      intervalErrorP50Ms: this.#errorQuantile(0.5),
      intervalErrorP99Ms: this.#errorQuantile(0.99),
      intervalErrorMaxMs: this.#maxErrorMs,
    };
  }

  #wait(): void {
    const { clock, intervalMs } = this.#options;
    this.#due += intervalMs;
    const behind = this.#elapsed() - this.#due;
    if (behind > 0) {
      const missed = Math.ceil(behind / intervalMs);
      this.#due += missed * intervalMs;
      this.#skipped += missed;
    }
    this.#timer = clock.setTimeout(() => this.#tick(), this.#due - this.#elapsed());
  }

  #tick(): void {
    const { intervalMs, onTick } = this.#options;
    const now = this.#elapsed();
    this.#ticks++;
    this.#note(Math.abs(now - this.#last - intervalMs));
    this.#last = now;
    onTick();
    // Whoever was called may have stopped it.
    if (this.running) this.#wait();
  }

  #note(errorMs: number): void {
    this.#maxErrorMs = Math.max(this.#maxErrorMs, errorMs);
    const bin = Math.min(BINS - 1, Math.floor(errorMs / BIN_MS));
    this.#errors[bin] = this.#errors[bin]! + 1;
  }

  /** Upper edge of the bin that holds it; NaN before the first tick. */
  #errorQuantile(share: number): number {
    let left = Math.ceil(this.#ticks * share);
    if (left === 0) return Number.NaN;
    const bin = this.#errors.findIndex((count) => {
      left -= count;
      return left <= 0;
    });
    return Math.min(this.#maxErrorMs, (bin + 1) * BIN_MS);
  }

  #elapsed(): number {
    const { clock } = this.#options;
    return clock.elapsed?.() ?? clock.now();
  }
}
