/** A pool of series with their features worked out, renewed one by one, from which training draws its windows. */
import { Featurizer, STATE_FEATURES } from './features/featurizer.ts';
import type { TrainingShape } from './graphs.ts';
import type { ForecastShape } from './port.ts';
import { integer, type Random } from './random.ts';

/** What a forecaster sees of a series, and what it should have said. */
export interface TrainingSeries {
  readonly scale: number;
  readonly observed: Float32Array;
  readonly censored: Uint8Array;
  /** True demand; NaN where it is not known. */
  readonly demand: Float32Array;
}

export interface TrainingBatch {
  readonly state: Float32Array;
  readonly ahead: Float32Array;
  readonly target: Float32Array;
  readonly weight: Float32Array;
}

interface Prepared {
  readonly series: TrainingSeries;
  readonly state: Float32Array;
  readonly ahead: Float32Array;
  readonly base: Float32Array;
  readonly span: Float32Array;
}

/** Targets further out than this many spans count as this far: one first burst must not outweigh everything. */
const FARTHEST = 6;

export class TrainingPool {
  readonly #shape: ForecastShape;
  readonly #next: () => TrainingSeries;
  readonly #pool: Prepared[] = [];
  readonly #size: number;
  #oldest = 0;

  /** `next` makes series of more than steps + horizon values. */
  constructor(shape: ForecastShape, size: number, next: () => TrainingSeries) {
    this.#shape = shape;
    this.#size = size;
    this.#next = next;
  }

  /** Adds a series, or replaces the oldest one when the pool is full. Returns whether it is full. */
  renew(): boolean {
    this.#pool[this.#oldest] = this.#prepare(this.#next());
    this.#oldest = (this.#oldest + 1) % this.#size;
    return this.#pool.length === this.#size;
  }

  draw(random: Random, training: TrainingShape): TrainingBatch {
    const { batch, steps, scored } = training;
    const { horizon } = this.#shape;
    const width = STATE_FEATURES.length;
    const depth = this.#depth;
    const rows = scored.length * batch;
    const result = {
      state: new Float32Array(steps * batch * width),
      ahead: new Float32Array(rows * depth),
      target: new Float32Array(rows * horizon),
      weight: new Float32Array(rows * horizon),
    };
    for (let b = 0; b < batch; b++) {
      const one = this.#pool[integer(random, 0, this.#pool.length - 1)]!;
      const { demand } = one.series;
      const from = integer(random, 0, demand.length - steps - horizon - 1);
      for (let t = 0; t < steps; t++) {
        const step = (from + t) * width;
        result.state.set(one.state.subarray(step, step + width), (t * batch + b) * width);
      }
      scored.forEach((t, i) => {
        const step = from + t;
        const row = i * batch + b;
        result.ahead.set(one.ahead.subarray(step * depth, (step + 1) * depth), row * depth);
        for (let h = 0; h < horizon; h++) {
          const target = (demand[step + 1 + h]! - one.base[step]!) / one.span[step]!;
          const known = !Number.isNaN(target);
          result.target[row * horizon + h] = known ? Math.min(FARTHEST, Math.max(-FARTHEST, target)) : 0;
          result.weight[row * horizon + h] = known ? 1 : 0;
        }
      });
    }
    return result;
  }

  get #depth(): number {
    return this.#shape.horizon * Featurizer.aheadWidth(this.#shape.quantiles.length);
  }

  #prepare(series: TrainingSeries): Prepared {
    const { observed, censored, scale } = series;
    const length = observed.length;
    const width = STATE_FEATURES.length;
    const depth = this.#depth;
    const state = new Float32Array(length * width);
    const ahead = new Float32Array(length * depth);
    const base = new Float32Array(length);
    const span = new Float32Array(length);
    const featurizer = new Featurizer(scale, this.#shape.quantiles, this.#shape.horizon);
    for (let step = 0; step < length; step++) {
      const frame = featurizer.push(
        observed[step]!,
        censored[step] === 1,
        state.subarray(step * width, (step + 1) * width),
        ahead.subarray(step * depth, (step + 1) * depth),
      );
      base[step] = frame.base;
      span[step] = frame.span;
    }
    return { series, state, ahead, base, span };
  }
}
