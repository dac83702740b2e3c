/** Samples what runs on a host on steady clocks, one for each rate, and hands out columnar frames. */
import type { Clock, Frame } from '../../runtime/mod.ts';
import { SAMPLE_COLUMNS } from './port/mod.ts';
import { Ticker, type TickerReport } from './ticker.ts';

/** Writes one row of the sampler's columns per id into `out` (row-major): synchronous and cheap. */
export type ReadRows = (ids: readonly string[], out: Float64Array) => void;

export interface SamplerOptions {
  readonly host: string;
  /** Where rows come from; of `columns` if they are given, else of SAMPLE_COLUMNS. */
  readonly hypervisor: { readonly sample: ReadRows };
  readonly columns?: readonly string[];
  readonly clock: Clock;
  /** Time between samples, ms. */
  readonly intervalMs: number;
  /** Time between samples of one id, where it is another; asked at each `watch`. */
  readonly intervalOf?: (id: string) => number;
  /** Not called while there is nothing to sample. `values` is overwritten by the next sample. */
  readonly onFrame: (frame: Frame) => void;
}

/** Ids of one rate share a frame and a clock. */
export class Sampler {
  readonly #options: SamplerOptions;
  /** By interval, ms. */
  readonly #lanes = new Map<number, Lane>();

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** What to sample from the next tick on; none stops the clocks. */
  watch(ids: readonly string[]): void {
    const { intervalMs, intervalOf } = this.#options;
    const rates = Map.groupBy(ids, (id) => intervalOf?.(id) ?? intervalMs);
    for (const interval of rates.keys()) {
      if (!this.#lanes.has(interval)) this.#lanes.set(interval, new Lane(this.#options, interval));
    }
    for (const [interval, lane] of this.#lanes) lane.watch(rates.get(interval) ?? []);
  }

  stop(): void {
    for (const lane of this.#lanes.values()) lane.watch([]);
  }

  /** How well each clock was kept so far, by its interval in ms. */
  reports(): ReadonlyMap<number, TickerReport> {
    return new Map(Array.from(this.#lanes, ([interval, lane]) => [interval, lane.ticker.report()]));
  }
}

class Lane {
  readonly ticker: Ticker;
  readonly #options: SamplerOptions;
  readonly #columns: readonly string[];
  #ids: readonly string[] = [];
  #values = new Float64Array();
  #last = 0;

  constructor(options: SamplerOptions, intervalMs: number) {
    this.#options = options;
    this.#columns = options.columns ?? SAMPLE_COLUMNS;
    this.ticker = new Ticker({ clock: options.clock, intervalMs, onTick: () => this.#sample() });
  }

  watch(ids: readonly string[]): void {
    this.#ids = ids;
    this.#values = new Float64Array(ids.length * this.#columns.length);
    if (ids.length === 0) this.ticker.stop();
    else if (!this.ticker.running) {
      this.#last = this.#options.clock.now();
      this.ticker.start();
    }
  }

  #sample(): void {
    const { host, hypervisor, clock, onFrame } = this.#options;
    const values = this.#values;
    const ids = this.#ids;
    hypervisor.sample(ids, values);
    const t = clock.now();
    onFrame({ source: host, t, intervalMs: t - this.#last, columns: this.#columns, ids, values });
    this.#last = t;
  }
}
