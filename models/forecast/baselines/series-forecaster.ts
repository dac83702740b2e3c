/** Base of forecasters that treat each series on its own: tracks series, runs them one after another. */
import { ModelError } from '../../errors.ts';
import type { BatchForecaster, ForecastShape } from '../port.ts';

/** One series' state. */
export interface SeriesModel {
  /** Takes the newest value (NaN = missing) and writes [horizon][quantiles] into `out`. */
  step(value: number, censored: boolean, out: Float32Array): void;
}

export class SeriesForecaster implements BatchForecaster {
  readonly name: string;
  readonly shape: ForecastShape;
  readonly #start: (scale: number) => SeriesModel;
  readonly #series = new Map<string, SeriesModel>();
  #ids: readonly string[] = [];

  constructor(name: string, shape: ForecastShape, start: (scale: number) => SeriesModel) {
    this.name = name;
    this.shape = shape;
    this.#start = start;
  }

  get ids(): readonly string[] {
    return this.#ids;
  }

  track(id: string, scale: number): void {
    assertScale(id, scale);
    this.#series.set(id, this.#start(scale));
    this.#ids = [...this.#series.keys()];
  }

  untrack(id: string): void {
    this.#series.delete(id);
    this.#ids = [...this.#series.keys()];
  }

  async step(values: Float32Array, censored?: Uint8Array): Promise<Float32Array> {
    assertCount(values, censored, this.#series.size);
    const width = this.shape.horizon * this.shape.quantiles.length;
    const out = new Float32Array(this.#series.size * width);
    let row = 0;
    for (const model of this.#series.values()) {
      model.step(values[row]!, censored?.[row] === 1, out.subarray(row * width, (row + 1) * width));
      row++;
    }
    return out;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#series.clear();
    this.#ids = [];
  }
}

/** Error: `invalid-argument` on field `scale`. */
export function assertScale(id: string, scale: number): void {
  if (Number.isFinite(scale) && scale > 0) return;
  throw new ModelError('invalid-argument', `series ${id} has scale ${scale}`, {
    field: 'scale',
    hint: "a series' scale is its limit: a finite number above 0",
  });
}

/** Error: `invalid-argument` on field `values` or `censored`. */
export function assertCount(values: Float32Array, censored: Uint8Array | undefined, count: number): void {
  if (values.length !== count) {
    throw new ModelError('invalid-argument', `${values.length} values for ${count} series`, {
      field: 'values',
      hint: 'give one value per tracked id, in the order of ids',
    });
  }
  if (censored && censored.length !== count) {
    throw new ModelError('invalid-argument', `${censored.length} flags for ${count} series`, {
      field: 'censored',
      hint: 'give one flag per tracked id, or leave them out',
    });
  }
}
