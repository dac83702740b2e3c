/** Training of the LSTM quantile forecaster on generated workloads and, where there are any, recorded ones. */
import { adamCorrections, OnnxSession, type Tensor } from '../onnx/mod.ts';
import { inferenceGraph, type TrainingShape, trainingGraph, trainingSignature } from './graphs.ts';
import { describeModel, networkShape } from './model-card.ts';
import {
  initialWeights,
  type NetworkShape,
  PARAMETERS,
  type ParameterName,
  type Parameters,
} from './network.ts';
import type { ForecastShape } from './port.ts';
import { choose, integer, type Random, seededRandom } from './random.ts';
import type { Recording } from './recordings.ts';
import { type TrainingBatch, TrainingPool, type TrainingSeries } from './training-pool.ts';
import { type FamilyName, TRAINED } from './workloads/families.ts';
import { generateWorkload } from './workloads/generate.ts';

export interface TrainOptions {
  readonly shape: ForecastShape;
  readonly seed: number;
  /** Length of training; the learning rate falls to nothing over it. */
  readonly steps: number;
  /** Ends training, and the fall of the rate, when so many ms have passed on `now`'s clock before all steps are done. */
  readonly budgetMs?: number;
  /** Monotonic clock, ms. */
  readonly now: () => number;
  /** Recorded series; those marked held-out are left alone. */
  readonly recordings?: readonly Recording[];
  /** Units of the LSTM (default 48) and of the head (default 64). */
  readonly hidden?: number;
  readonly head?: number;
  /** Families to generate series of; by default all but the held-out ones, the product's own more often. */
  readonly families?: readonly FamilyName[];
  /** Smaller sizes for tests. */
  readonly size?: Partial<TrainSize>;
  readonly onProgress?: (progress: TrainProgress) => void;
  /** Kept in the file's metadata: date, origin. */
  readonly provenance?: Readonly<Record<string, string>>;
}

export interface TrainSize {
  /** Series held at a time, and their length in steps. */
  readonly pool: number;
  readonly seriesLength: number;
  /** Windows per training step. */
  readonly batch: number;
  /** Training steps between two reports. */
  readonly reportEvery: number;
}

export interface TrainProgress {
  readonly step: number;
  readonly steps: number;
  /** Mean pinball loss since the last report, in spans. */
  readonly loss: number;
  readonly elapsedMs: number;
}

const SIZE: TrainSize = { pool: 400, seriesLength: 640, batch: 48, reportEvery: 200 };
/** Steps per window, and those at which forecasts are scored, once the LSTM has seen a few. */
const WINDOW = { steps: 32, scored: [13, 16, 19, 22, 25, 28, 31] } as const;
/** Training steps between two new series. */
const RENEW_EVERY = 12;
const PEAK_RATE = 3e-3;
/** Families that training sees more often: what the product is judged by. */
const FAVOURED: readonly (keyof typeof TRAINED)[] = [
  'square',
  'square',
  'square',
  'multi-phase',
  'multi-phase',
  'bursts',
];

/** Resolves with the model file's bytes. One thread; a step takes some 20 ms. */
export async function train(options: TrainOptions): Promise<Uint8Array> {
  const { shape } = options;
  const size = { ...SIZE, ...options.size };
  const training = { ...WINDOW, batch: size.batch };
  const network = networkShape(shape, options.hidden ?? 48, options.head ?? 64);
  const random = seededRandom(options.seed);
  const pool = new TrainingPool(shape, size.pool, seriesSource(options, size.seriesLength, random));
  while (!pool.renew()) {}
  const state = new OptimiserState(network, training, initialWeights(network, random));
  const session = await OnnxSession.load(trainingGraph(network, training, shape.quantiles), {
    inputs: state.signature,
    outputs: { loss: [] },
  });
  let made: number;
  try {
    made = await optimise(options, { size, training, pool, state, session, random });
  } finally {
    await session[Symbol.asyncDispose]();
  }
  const provenance = { seed: String(options.seed), steps: String(made), ...options.provenance };
  return inferenceGraph(network, state.weights, describeModel(shape, network, provenance));
}

interface Run {
  readonly size: TrainSize;
  readonly training: TrainingShape;
  readonly pool: TrainingPool;
  readonly state: OptimiserState;
  readonly session: OnnxSession;
  readonly random: Random;
}

/** Makes training steps until they or the time are used up; resolves with how many were made. */
async function optimise(options: TrainOptions, run: Run): Promise<number> {
  const { steps, now } = options;
  const { size, training, pool, state, session, random } = run;
  const started = now();
  let loss = 0;
  for (let step = 1; step <= steps; step++) {
    const spent = (now() - started) / (options.budgetMs ?? Number.POSITIVE_INFINITY);
    if (spent > 1) return step - 1;
    if (step % RENEW_EVERY === 0) pool.renew();
    const batch = pool.draw(random, training);
    loss += await state.update(session, batch, learningRate(Math.max(step / steps, spent)), step);
    if (step % size.reportEvery === 0) {
      options.onProgress?.({ step, steps, loss: loss / size.reportEvery, elapsedMs: now() - started });
      loss = 0;
    }
  }
  return steps;
}

/** Share of training series that are recordings: few and short ones, so more of them would be learnt by heart. */
const RECORDED_SHARE = 0.1;

/** Warm-up over the first hundredth, then a cosine down to nothing. */
function learningRate(progress: number): number {
  const warm = Math.min(1, progress / 0.01);
  return PEAK_RATE * warm * (0.002 + 0.998 * 0.5 * (1 + Math.cos(Math.PI * progress)));
}

function seriesSource(options: TrainOptions, length: number, random: Random): () => TrainingSeries {
  const families = options.families ?? [...(Object.keys(TRAINED) as (keyof typeof TRAINED)[]), ...FAVOURED];
  const recorded = (options.recordings ?? []).filter(
    ({ split, values, stepMs }) =>
      split === 'train' && stepMs === options.shape.stepMs && values.length > 2 * WINDOW.steps,
  );
  return () => {
    if (recorded.length > 0 && random() < RECORDED_SHARE) return fromRecording(choose(random, recorded));
    return generateWorkload({
      family: choose(random, families),
      seed: integer(random, 1, 2 ** 30),
      length,
      censoring: random() < 0.3,
      anywhere: true,
    });
  };
}

/** What was censored is known only as a lower bound: not a target. */
function fromRecording({ scale, values, censored }: Recording): TrainingSeries {
  const demand = values.map((value, i) => (censored[i] === 1 ? Number.NaN : value));
  return { scale, observed: values, censored, demand };
}

/** Parameters and Adam's moments, fed to each training step and replaced by what it returns. */
class OptimiserState {
  /** Names and shapes of what a training step takes. */
  readonly signature: Readonly<Record<string, readonly number[]>>;
  #values: Readonly<Record<string, Float32Array>>;

  constructor(network: NetworkShape, training: TrainingShape, initial: Parameters<Float32Array>) {
    this.signature = trainingSignature(network, training);
    const moments = PARAMETERS.flatMap((name) =>
      ['.m', '.v'].map((kind) => [name + kind, new Float32Array(initial[name].length)] as const),
    );
    this.#values = { ...initial, ...Object.fromEntries(moments) };
  }

  get weights(): Parameters<Float32Array> {
    const entries = PARAMETERS.map((name) => [name, this.#values[name]!] as const);
    return Object.fromEntries(entries) as Record<ParameterName, Float32Array>;
  }

  /** Makes one step and returns the loss before it. */
  async update(session: OnnxSession, batch: TrainingBatch, rate: number, step: number): Promise<number> {
    const [correct1, correct2] = adamCorrections(step);
    const data: Readonly<Record<string, Float32Array>> = {
      ...this.#values,
      ...batch,
      rate: Float32Array.of(rate),
      correct1: Float32Array.of(correct1),
      correct2: Float32Array.of(correct2),
    };
    const feeds: Record<string, Tensor> = {};
    for (const [name, shape] of Object.entries(this.signature)) feeds[name] = { data: data[name]!, shape };
    const results = await session.run(feeds);
    const names = Object.keys(this.#values);
    this.#values = Object.fromEntries(names.map((name) => [name, results[`${name}.next`]!]));
    return results.loss![0]!;
  }
}
