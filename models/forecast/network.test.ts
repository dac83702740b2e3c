/** The network's graphs compute what the equations say, learn, and are checked when a file is loaded. */
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { modelMetadata, OnnxSession, Tape } from '../onnx/mod.ts';
import { inferenceGraph } from './graphs.ts';
import { openLstmForecaster } from './lstm-forecaster.ts';
import { describeModel, networkShape } from './model-card.ts';
import { initialWeights } from './network.ts';
import { seededRandom } from './random.ts';
import { TACTICAL_SHAPE } from './shape.ts';
import { train } from './train.ts';

const NETWORK = networkShape(TACTICAL_SHAPE, 5, 6);
const WEIGHTS = initialWeights(NETWORK, seededRandom(4));
const MODEL = inferenceGraph(NETWORK, WEIGHTS, describeModel(TACTICAL_SHAPE, NETWORK, {}));

describe('the inference graph', () => {
  it('carries the LSTM state as the equations say', async () => {
    const session = disposed(await OnnxSession.load(MODEL, { inputs: INPUTS, outputs: {} }));
    const random = seededRandom(9);
    let [hidden, cell] = [new Float32Array(5), new Float32Array(5)];
    const expected = { hidden: new Float64Array(5), cell: new Float64Array(5) };
    for (let step = 0; step < 6; step++) {
      const state = Float32Array.from({ length: NETWORK.state }, () => 2 * random() - 1);
      const out = await session.run(feeds(state, hidden, cell));
      [hidden, cell] = [new Float32Array(out['hidden.next']!), new Float32Array(out['cell.next']!)];
      referenceStep(state, expected);
      expected.hidden.forEach((value, i) => {
        expect(hidden[i]).toBeCloseTo(value, 5);
      });
    }
  });

  it('never lets quantiles cross, whatever the weights', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.double({ min: 0.1, max: 30, noNaN: true }), async (seed, gain) => {
        const random = seededRandom(seed);
        const wild = initialWeights(NETWORK, random);
        for (const weights of Object.values(wild))
          weights.forEach((w, i) => {
            weights[i] = w * gain;
          });
        const bytes = inferenceGraph(NETWORK, wild, describeModel(TACTICAL_SHAPE, NETWORK, {}));
        const forecaster = disposed(await openLstmForecaster(bytes));
        forecaster.track('a', 1);
        for (let step = 0; step < 5; step++) {
          const forecast = await forecaster.step(Float32Array.of(random()));
          forecast.forEach((value, i) => {
            if (i % NETWORK.quantiles > 0) expect(value).toBeGreaterThanOrEqual(forecast[i - 1]!);
          });
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe('a model file for the forecaster', () => {
  it.each(['kind', 'features', 'horizon', 'quantiles', 'hidden'])(
    'without %s: names the entry',
    async (key) => {
      const metadata = describeModel(TACTICAL_SHAPE, NETWORK, {});
      delete metadata[key];
      const open = openLstmForecaster(inferenceGraph(NETWORK, WEIGHTS, metadata));
      await expect(open).rejects.toMatchObject({ code: 'model-mismatch', field: `metadata.${key}` });
    },
  );

  it('whose sizes are not those of its metadata: names the input', async () => {
    const metadata = describeModel(TACTICAL_SHAPE, { ...NETWORK, hidden: 7 }, {});
    const open = openLstmForecaster(inferenceGraph(NETWORK, WEIGHTS, metadata));
    await expect(open).rejects.toMatchObject({ code: 'model-mismatch', field: 'inputs.hidden.shape' });
  });

  it('of another kind of model: says so', async () => {
    const tape = new Tape('other');
    tape.output(tape.input('x', [1]), 'y');
    await expect(openLstmForecaster(tape.graph.build())).rejects.toMatchObject({ field: 'metadata.kind' });
  });
});

describe('training', () => {
  it('learns: the loss falls, and the file it makes forecasts', async () => {
    const losses: number[] = [];
    const bytes = await train({
      shape: TACTICAL_SHAPE,
      seed: 1,
      steps: 120,
      hidden: 8,
      head: 8,
      families: ['sine'],
      size: { pool: 12, seriesLength: 200, batch: 12, reportEvery: 30 },
      now: () => 0,
      onProgress: ({ loss }) => losses.push(loss),
      provenance: { origin: 'test' },
    });
    expect(losses.at(-1)).toBeLessThan(0.85 * losses[0]!);
    expect(modelMetadata(bytes)).toMatchObject({ origin: 'test', seed: '1', steps: '120' });
    const forecaster = disposed(await openLstmForecaster(bytes));
    forecaster.track('a', 2);
    expect(await forecaster.step(Float32Array.of(1))).toHaveLength(16 * 7);
  }, 20_000);
});

const INPUTS = {
  state: [1, 'B', NETWORK.state],
  ahead: ['B', NETWORK.horizon, NETWORK.ahead],
  hidden: [1, 'B', 5],
  cell: [1, 'B', 5],
};

function feeds(state: Float32Array, hidden: Float32Array, cell: Float32Array) {
  const { horizon, ahead } = NETWORK;
  return {
    state: { data: state, shape: [1, 1, NETWORK.state] },
    ahead: { data: new Float32Array(horizon * ahead), shape: [1, horizon, ahead] },
    hidden: { data: hidden, shape: [1, 1, 5] },
    cell: { data: cell, shape: [1, 1, 5] },
  };
}

/** The textbook equations, gates in the order input, forget, cell, output. */
function referenceStep(state: Float32Array, carried: { hidden: Float64Array; cell: Float64Array }): void {
  const before = carried.hidden.slice();
  const logistic = (z: number): number => 1 / (1 + Math.exp(-z));
  for (let unit = 0; unit < 5; unit++) {
    const [input, forget, candidate, output] = [0, 1, 2, 3].map((gate) => {
      const column = gate * 5 + unit;
      let z = WEIGHTS['lstm.bias'][column]!;
      state.forEach((value, row) => {
        z += value * WEIGHTS['lstm.input'][row * 20 + column]!;
      });
      before.forEach((value, row) => {
        z += value * WEIGHTS['lstm.hidden'][row * 20 + column]!;
      });
      return z;
    });
    carried.cell[unit] = logistic(forget!) * carried.cell[unit]! + logistic(input!) * Math.tanh(candidate!);
    carried.hidden[unit] = logistic(output!) * Math.tanh(carried.cell[unit]!);
  }
}

/** Releases a session when its test is over. */
function disposed<T extends AsyncDisposable>(resource: T): T {
  onTestFinished(() => resource[Symbol.asyncDispose]());
  return resource;
}
