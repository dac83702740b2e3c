/** Samples all domains of a host on a steady clock and hands out columnar frames. */
import type { Clock, Frame } from '../../runtime/mod.ts';
import { type Hypervisor, SAMPLE_COLUMNS } from './port.ts';

export interface SamplerOptions {
  readonly host: string;
  readonly hypervisor: Hypervisor;
  readonly clock: Clock;
  /** Time between samples, ms. */
  readonly intervalMs: number;
  /** Not called while there is no domain. */
  readonly onFrame: (frame: Frame) => void;
}

/** A timer that does not drift: a late tick shortens the next wait; ticks that were missed are skipped. */
export class Sampler {
  readonly #options: SamplerOptions;
  #names: readonly string[] = [];
  #values = new Float64Array();
  #timer: unknown;
  #due = 0;
  #last = 0;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** The domains to sample from the next tick on; none stops the clock. */
  watch(names: readonly string[]): void {
    this.#names = names;
    this.#values = new Float64Array(names.length * SAMPLE_COLUMNS.length);
    if (names.length === 0) this.stop();
    else if (this.#timer === undefined) {
      this.#due = this.#last = this.#options.clock.now();
      this.#wait();
    }
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(): void {
    const { clock, intervalMs } = this.#options;
    this.#due += intervalMs;
    const behind = clock.now() - this.#due;
    if (behind > 0) this.#due += Math.ceil(behind / intervalMs) * intervalMs;
    this.#timer = clock.setTimeout(() => this.#tick(), this.#due - clock.now());
  }

  #tick(): void {
    const { host, hypervisor, clock, onFrame } = this.#options;
    hypervisor.sample(this.#names, this.#values);
    const t = clock.now();
    onFrame({
      source: host,
      t,
      intervalMs: t - this.#last,
      columns: SAMPLE_COLUMNS,
      ids: this.#names,
      values: this.#values,
    });
    this.#last = t;
    this.#wait();
  }
}
