/** The slow clock: asks a hypervisor once a second, never while it still thinks about the last time. */
import type { Clock } from '../../../runtime/mod.ts';
import { Ticker } from '../ticker.ts';
import type { SlowReading, SlowSample } from './slow.ts';

export interface SlowClockOptions {
  readonly clock: Clock;
  /** Time between samples, ms; default 1000. */
  readonly intervalMs?: number;
  readonly read: () => Promise<SlowReading>;
  readonly onSample: (sample: SlowSample) => void;
  /** The clock goes on: a hypervisor that was lost may come back. */
  readonly onError: (error: unknown) => void;
}

export class SlowClock {
  readonly #options: SlowClockOptions;
  readonly #ticker: Ticker;
  #asking = false;
  #missed = 0;
  #skippedBefore = 0;

  /** Stands still until it is started. */
  constructor(options: SlowClockOptions) {
    this.#options = options;
    const { clock, intervalMs = 1000 } = options;
    this.#ticker = new Ticker({ clock, intervalMs, onTick: () => void this.#tick() });
  }

  start(): void {
    this.#ticker.start();
  }

  /** An answer that is under way is not told any more. */
  stop(): void {
    this.#ticker.stop();
  }

  async #tick(): Promise<void> {
    if (this.#asking) {
      this.#missed++;
      return;
    }
    const { clock, read, onSample, onError } = this.#options;
    const elapsed = () => clock.elapsed?.() ?? clock.now();
    const began = elapsed();
    this.#asking = true;
    try {
      const reading = await read();
      if (!this.#ticker.running) return;
      onSample({ ...reading, t: clock.now(), costMs: elapsed() - began, missed: this.#takeMissed() });
    } catch (error) {
      this.#missed++;
      if (this.#ticker.running) onError(error);
    } finally {
      this.#asking = false;
    }
  }

  /** Those that found the one before under way, those that failed, and those that never came. */
  #takeMissed(): number {
    const { skipped } = this.#ticker.report();
    const missed = this.#missed + skipped - this.#skippedBefore;
    this.#missed = 0;
    this.#skippedBefore = skipped;
    return missed;
  }
}
