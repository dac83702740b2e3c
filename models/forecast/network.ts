/** The network: an LSTM over the state of a series, and one head shared by all steps ahead. */
import {
  add,
  matmul,
  multiply,
  relu,
  reshape,
  sigmoid,
  softmax,
  split,
  sum,
  type Tape,
  tanh,
  type Var,
} from '../onnx/mod.ts';
import { gaussian, type Random } from './random.ts';

export interface NetworkShape {
  /** Features of the present. */
  readonly state: number;
  /** Features per step ahead; the first `candidates` of them are values that demand may take. */
  readonly ahead: number;
  readonly candidates: number;
  /** Units of the LSTM. */
  readonly hidden: number;
  /** Units of the head. */
  readonly head: number;
  readonly horizon: number;
  readonly quantiles: number;
}

export const HEAD_PARAMETERS = [
  'head.context',
  'head.state',
  'head.ahead',
  'head.step',
  'gate.weight',
  'gate.bias',
  'shift.weight',
  'shift.bias',
] as const;
export const PARAMETERS = ['lstm.input', 'lstm.hidden', 'lstm.bias', ...HEAD_PARAMETERS] as const;
export type ParameterName = (typeof PARAMETERS)[number];
export type Parameters<T> = Readonly<Record<ParameterName, T>>;
export type HeadParameters<T> = Readonly<Record<(typeof HEAD_PARAMETERS)[number], T>>;

/** Weights are [in, out]; the gates of the LSTM are in the order input, forget, cell, output. */
export function parameterShapes(shape: NetworkShape): Parameters<readonly number[]> {
  const gates = 4 * shape.hidden;
  const choices = shape.quantiles * shape.candidates;
  return {
    'lstm.input': [shape.state, gates],
    'lstm.hidden': [shape.hidden, gates],
    'lstm.bias': [gates],
    'head.context': [shape.hidden, shape.head],
    'head.state': [shape.state, shape.head],
    'head.ahead': [shape.ahead, shape.head],
    'head.step': [shape.horizon, shape.head],
    'gate.weight': [shape.head, choices],
    'gate.bias': [choices],
    'shift.weight': [shape.head, shape.quantiles],
    'shift.bias': [shape.quantiles],
  };
}

/** Random weights; each quantile starts out trusting the recurrence quantile of its own level. */
export function initialWeights(shape: NetworkShape, random: Random): Parameters<Float32Array> {
  const draw = ([rows, columns]: readonly number[], gain = 1): Float32Array => {
    const deviation = gain / Math.sqrt(rows!);
    return Float32Array.from({ length: rows! * columns! }, () => deviation * gaussian(random));
  };
  const shapes = parameterShapes(shape);
  const forget = (i: number): number => (i >= shape.hidden && i < 2 * shape.hidden ? 1 : 0);
  const own = (i: number): number => (i % shape.candidates === Math.floor(i / shape.candidates) ? 2 : 0);
  return {
    'lstm.input': draw(shapes['lstm.input']),
    'lstm.hidden': draw(shapes['lstm.hidden']),
    'lstm.bias': Float32Array.from({ length: 4 * shape.hidden }, (_, i) => forget(i)),
    'head.context': draw(shapes['head.context']),
    'head.state': draw(shapes['head.state']),
    'head.ahead': draw(shapes['head.ahead']),
    'head.step': draw(shapes['head.step'], 0.3),
    'gate.weight': draw(shapes['gate.weight'], 0.3),
    'gate.bias': Float32Array.from({ length: shapes['gate.bias'][0]! }, (_, i) => own(i)),
    'shift.weight': draw(shapes['shift.weight'], 0.02),
    'shift.bias': new Float32Array(shape.quantiles),
  };
}

/** One step of an LSTM (Hochreiter and Schmidhuber, 1997) from the gates' inputs [B, 4 hidden]. */
export function lstmStep(
  tape: Tape,
  gates: Var,
  cell: Var | undefined,
): { readonly hidden: Var; readonly cell: Var } {
  const [input, forget, candidate, output] = split(tape, gates, 4, 1);
  const fresh = multiply(tape, sigmoid(tape, input!), tanh(tape, candidate!));
  const next = cell ? add(tape, multiply(tape, sigmoid(tape, forget!), cell), fresh) : fresh;
  return { cell: next, hidden: multiply(tape, sigmoid(tape, output!), tanh(tape, next)) };
}

/**
 * From the LSTM's output [R, hidden], the state [R, state] and the features ahead [R, horizon, ahead] to quantiles
 * [R, horizon, quantiles] that may still cross: each is a mixture of the candidate values, plus a learnt shift.
 */
export function quantileHead(
  tape: Tape,
  weights: HeadParameters<Var>,
  shape: NetworkShape,
  inputs: { readonly hidden: Var; readonly state: Var; readonly ahead: Var },
): Var {
  const { horizon, quantiles, candidates } = shape;
  const rows = inputs.hidden.shape[0]!;
  const context = add(
    tape,
    matmul(tape, inputs.hidden, weights['head.context']),
    matmul(tape, inputs.state, weights['head.state']),
  );
  const perStep = add(tape, matmul(tape, inputs.ahead, weights['head.ahead']), weights['head.step']);
  const mixed = relu(tape, add(tape, perStep, reshape(tape, context, [rows, 1, shape.head])));
  const logits = add(tape, matmul(tape, mixed, weights['gate.weight']), weights['gate.bias']);
  const gate = softmax(tape, reshape(tape, logits, [rows, horizon, quantiles, candidates]));
  const values = tape.emit('Slice', [inputs.ahead], [rows, horizon, candidates], {}, [
    tape.ints([0]),
    tape.ints([candidates]),
    tape.ints([2]),
  ]);
  const choices = reshape(tape, values, [rows, horizon, 1, candidates]);
  const mixture = sum(tape, multiply(tape, gate, choices), [3]);
  const shift = add(tape, matmul(tape, mixed, weights['shift.weight']), weights['shift.bias']);
  return add(tape, mixture, shift);
}
