/** The LSTM quantile forecaster: all tracked series in one batched run a tick, with carried state. */
import { ModelError } from '../errors.ts';
import { modelMetadata, OnnxSession, readModel } from '../onnx/mod.ts';
import { assertCount, assertScale } from './baselines/series-forecaster.ts';
import { Featurizer, type Frame } from './features/featurizer.ts';
import { readDescription } from './model-card.ts';
import type { NetworkShape } from './network.ts';
import type { BatchForecaster, ForecastShape } from './port.ts';

/**
 * Loads a model file. A run blocks its thread for some 0.1 ms and more: use it in a worker.
 * Errors: `model-unreadable`, `model-malformed`, `model-version`, `model-mismatch`.
 */
export async function loadLstmForecaster(path: string): Promise<BatchForecaster> {
  return openLstmForecaster(await readModel(path));
}

/** The same from the bytes of a model file. */
export async function openLstmForecaster(bytes: Uint8Array): Promise<BatchForecaster> {
  const { shape, network } = readDescription(modelMetadata(bytes));
  const carried = [1, 'B', network.hidden];
  const session = await OnnxSession.load(bytes, {
    inputs: {
      state: [1, 'B', network.state],
      ahead: ['B', network.horizon, network.ahead],
      hidden: carried,
      cell: carried,
    },
    outputs: {
      quantiles: ['B', network.horizon, network.quantiles],
      'hidden.next': carried,
      'cell.next': carried,
    },
  });
  return new LstmForecaster(shape, network, session);
}

interface Series {
  readonly id: string;
  readonly featurizer: Featurizer;
  readonly hidden: Float32Array;
  readonly cell: Float32Array;
}

class LstmForecaster implements BatchForecaster {
  readonly name = 'lstm';
  readonly shape: ForecastShape;
  readonly #network: NetworkShape;
  readonly #session: OnnxSession;
  #series: Series[] = [];
  #running = false;

  constructor(shape: ForecastShape, network: NetworkShape, session: OnnxSession) {
    this.shape = shape;
    this.#network = network;
    this.#session = session;
  }

  get ids(): readonly string[] {
    return this.#series.map(({ id }) => id);
  }

  track(id: string, scale: number): void {
    assertScale(id, scale);
    const { hidden, horizon } = this.#network;
    const series = {
      id,
      featurizer: new Featurizer(scale, this.shape.quantiles, horizon),
      hidden: new Float32Array(hidden),
      cell: new Float32Array(hidden),
    };
    const known = this.#series.some((other) => other.id === id);
    this.#series = known
      ? this.#series.map((other) => (other.id === id ? series : other))
      : [...this.#series, series];
  }

  untrack(id: string): void {
    this.#series = this.#series.filter((series) => series.id !== id);
  }

  async step(values: Float32Array, censored?: Uint8Array): Promise<Float32Array> {
    const series = this.#series;
    assertCount(values, censored, series.length);
    if (this.#running) {
      throw new ModelError('invalid-argument', 'a step is still under way', {
        hint: 'await each step before the next',
      });
    }
    if (series.length === 0) return new Float32Array(0);
    this.#running = true;
    try {
      return await this.#run(series, values, censored);
    } finally {
      this.#running = false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#series = [];
    await this.#session[Symbol.asyncDispose]();
  }

  async #run(series: readonly Series[], values: Float32Array, censored?: Uint8Array): Promise<Float32Array> {
    const { state: width, ahead, horizon, hidden: units } = this.#network;
    const batch = series.length;
    const state = new Float32Array(batch * width);
    const future = new Float32Array(batch * horizon * ahead);
    const hidden = new Float32Array(batch * units);
    const cell = new Float32Array(batch * units);
    const frames = series.map((one, row) => {
      hidden.set(one.hidden, row * units);
      cell.set(one.cell, row * units);
      return one.featurizer.push(
        values[row]!,
        censored?.[row] === 1,
        state.subarray(row * width, (row + 1) * width),
        future.subarray(row * horizon * ahead, (row + 1) * horizon * ahead),
      );
    });
    const out = await this.#session.run({
      state: { data: state, shape: [1, batch, width] },
      ahead: { data: future, shape: [batch, horizon, ahead] },
      hidden: { data: hidden, shape: [1, batch, units] },
      cell: { data: cell, shape: [1, batch, units] },
    });
    series.forEach((one, row) => {
      one.hidden.set(out['hidden.next']!.subarray(row * units, (row + 1) * units));
      one.cell.set(out['cell.next']!.subarray(row * units, (row + 1) * units));
    });
    return toUnits(out.quantiles!, frames);
  }
}

/** Back from the unit range of each row to the caller's units; demand is never negative. */
function toUnits(quantiles: Float32Array, frames: readonly Frame[]): Float32Array {
  const width = quantiles.length / frames.length;
  return quantiles.map((quantile, i) => {
    const { base, span } = frames[Math.floor(i / width)]!;
    return Math.max(0, base + span * quantile);
  });
}
