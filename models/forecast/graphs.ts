/** The two graphs of the network: one training step, and one step of inference with carried state. */
import {
  adam,
  add,
  concat,
  matmul,
  maximum,
  multiply,
  reshape,
  split,
  subtract,
  sum,
  Tape,
  type Var,
} from '../onnx/mod.ts';
import {
  HEAD_PARAMETERS,
  lstmStep,
  type NetworkShape,
  PARAMETERS,
  type Parameters,
  parameterShapes,
  quantileHead,
} from './network.ts';

/** Size of a training step. */
export interface TrainingShape {
  /** Windows per step. */
  readonly batch: number;
  /** Steps per window. */
  readonly steps: number;
  /** Steps of the window, ascending, at which forecasts are scored. */
  readonly scored: readonly number[];
}

/**
 * One step of Adam on the pinball loss. Inputs: `state` [steps, batch, state], `ahead` [scored * batch, horizon, ahead],
 * `target` and `weight` [scored * batch, horizon, 1]. Outputs: `loss` and the updated parameters.
 */
export function trainingGraph(
  network: NetworkShape,
  training: TrainingShape,
  taus: readonly number[],
): Uint8Array {
  const { batch, steps, scored } = training;
  const tape = new Tape('train');
  const shapes = parameterShapes(network);
  const weights = named(PARAMETERS, (name) => tape.parameter(name, shapes[name]));
  const state = tape.input('state', [steps, batch, network.state]);
  const rows = scored.length * batch;
  const ahead = tape.input('ahead', [rows, network.horizon, network.ahead]);
  const target = tape.input('target', [rows, network.horizon, 1]);
  const weight = tape.input('weight', [rows, network.horizon, 1]);

  const states = split(tape, state, steps, 0).map((step) => reshape(tape, step, [batch, network.state]));
  const hidden = unroll(tape, weights, states);
  const pick = (values: readonly Var[]): Var =>
    concat(
      tape,
      scored.map((step) => values[step]!),
      0,
    );
  const quantiles = quantileHead(tape, weights, network, {
    hidden: pick(hidden),
    state: pick(states),
    ahead,
  });
  const loss = pinball(tape, quantiles, target, weight, taus);
  const parameters = PARAMETERS.map((name) => weights[name]);
  tape.output(loss, 'loss');
  adam(tape, parameters, tape.gradients(loss, parameters), { clip: 1 });
  return tape.graph.build();
}

/** Names and shapes of the inputs of {@link trainingGraph}. */
export function trainingSignature(
  network: NetworkShape,
  training: TrainingShape,
): Readonly<Record<string, readonly number[]>> {
  const rows = training.scored.length * training.batch;
  const parameters = Object.entries(parameterShapes(network)).flatMap(([name, shape]) =>
    ['', '.m', '.v'].map((kind) => [name + kind, shape] as const),
  );
  return {
    state: [training.steps, training.batch, network.state],
    ahead: [rows, network.horizon, network.ahead],
    target: [rows, network.horizon, 1],
    weight: [rows, network.horizon, 1],
    rate: [],
    correct1: [],
    correct2: [],
    ...Object.fromEntries(parameters),
  };
}

/**
 * One tick for B series. Inputs: `state` [1, B, state], `ahead` [B, horizon, ahead], carried `hidden` and `cell`
 * [1, B, hidden]. Outputs: `quantiles` [B, horizon, quantiles] ascending, `hidden.next`, `cell.next`.
 */
export function inferenceGraph(
  network: NetworkShape,
  values: Parameters<Float32Array>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const tape = new Tape('forecast');
  const state = tape.input('state', [1, 'B', network.state]);
  const ahead = tape.input('ahead', ['B', network.horizon, network.ahead]);
  const hidden = tape.input('hidden', [1, 'B', network.hidden]);
  const cell = tape.input('cell', [1, 'B', network.hidden]);
  const shapes = parameterShapes(network);
  const weights = named(HEAD_PARAMETERS, (name) => tape.constant(values[name], shapes[name], name));
  const graph = tape.graph;
  const carried = [1, 'B', network.hidden];
  const [, hiddenNext, cellNext] = graph.node(
    'LSTM',
    [state.name, ...lstmWeights(tape, network, values), '', hidden.name, cell.name],
    { hidden_size: network.hidden },
    ['sequence', 'hidden.next', 'cell.next'],
  );
  const flat = (name: string, size: number): Var =>
    reshape(tape, { name, shape: [1, 'B', size], tracked: false }, ['B', size]);
  const crossing = quantileHead(tape, weights, network, {
    hidden: flat(hiddenNext!, network.hidden),
    state: flat(state.name, network.state),
    ahead,
  });
  const count = tape.ints([network.quantiles]);
  graph.node('TopK', [crossing.name, count], { axis: 2, largest: 0, sorted: 1 }, ['quantiles', 'order']);
  graph.output('quantiles', ['B', network.horizon, network.quantiles]);
  graph.output(hiddenNext!, carried);
  graph.output(cellNext!, carried);
  return graph.build(metadata);
}

function named<K extends string>(names: readonly K[], make: (name: K) => Var): Record<K, Var> {
  return Object.fromEntries(names.map((name) => [name, make(name)] as const)) as Record<K, Var>;
}

function unroll(tape: Tape, weights: Parameters<Var>, states: readonly Var[]): Var[] {
  const outputs: Var[] = [];
  let cell: Var | undefined;
  for (const state of states) {
    const fromState = add(tape, matmul(tape, state, weights['lstm.input']), weights['lstm.bias']);
    const before = outputs.at(-1);
    const gates = before ? add(tape, fromState, matmul(tape, before, weights['lstm.hidden'])) : fromState;
    const step = lstmStep(tape, gates, cell);
    cell = step.cell;
    outputs.push(step.hidden);
  }
  return outputs;
}

function pinball(tape: Tape, quantiles: Var, target: Var, weight: Var, taus: readonly number[]): Var {
  const error = subtract(tape, target, quantiles);
  const over = tape.constant(Float32Array.from(taus), [taus.length]);
  const under = tape.constant(
    Float32Array.from(taus, (tau) => tau - 1),
    [taus.length],
  );
  const loss = maximum(tape, multiply(tape, error, over), multiply(tape, error, under));
  const terms = quantiles.shape.reduce<number>((count, dim) => count * Number(dim), 1);
  return multiply(tape, sum(tape, multiply(tape, loss, weight)), tape.scalar(1 / terms));
}

/** The operator wants [1, 4 hidden, in] with gates in the order input, output, forget, cell. */
function lstmWeights(tape: Tape, network: NetworkShape, values: Parameters<Float32Array>): string[] {
  const { state, hidden } = network;
  const ordered = (source: Float32Array, rows: number): Float32Array => {
    const result = new Float32Array(source.length);
    [0, 3, 1, 2].forEach((gate, place) => {
      for (let unit = 0; unit < hidden; unit++) {
        for (let row = 0; row < rows; row++) {
          result[(place * hidden + unit) * rows + row] = source[row * 4 * hidden + gate * hidden + unit]!;
        }
      }
    });
    return result;
  };
  const bias = new Float32Array(8 * hidden);
  bias.set(ordered(values['lstm.bias'], 1));
  return [
    tape.graph.float32(ordered(values['lstm.input'], state), [1, 4 * hidden, state], 'lstm.input'),
    tape.graph.float32(ordered(values['lstm.hidden'], hidden), [1, 4 * hidden, hidden], 'lstm.hidden'),
    tape.graph.float32(bias, [1, 8 * hidden], 'lstm.bias'),
  ];
}
