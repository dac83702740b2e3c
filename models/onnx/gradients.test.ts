/** Gradients of every operator agree with finite differences. */
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  adam,
  adamCorrections,
  add,
  concat,
  matmul,
  maximum,
  multiply,
  OnnxSession,
  relu,
  reshape,
  sigmoid,
  softmax,
  split,
  subtract,
  sum,
  Tape,
  tanh,
  type Var,
} from './mod.ts';

type Build = (tape: Tape, a: Var, b: Var) => Var;

/** Each operator with the shapes of its operands; the second may be unused. */
const OPERATORS: Record<string, { a: number[]; b?: number[]; build: Build }> = {
  add: { a: [3, 4], b: [3, 4], build: add },
  'add, broadcast': { a: [2, 3, 4], b: [4], build: add },
  'add, broadcast in the middle': { a: [2, 3, 4], b: [2, 1, 4], build: add },
  subtract: { a: [3, 1], b: [3, 4], build: subtract },
  multiply: { a: [3, 4], b: [3, 4], build: multiply },
  'multiply, broadcast': { a: [2, 1, 3, 4], b: [2, 5, 1, 4], build: multiply },
  maximum: { a: [3, 4], b: [1, 4], build: maximum },
  sigmoid: { a: [3, 4], build: (tape, a) => sigmoid(tape, a) },
  tanh: { a: [3, 4], build: (tape, a) => tanh(tape, a) },
  relu: { a: [3, 4], build: (tape, a) => relu(tape, a) },
  softmax: { a: [2, 3, 4], build: (tape, a) => softmax(tape, a) },
  matmul: { a: [3, 4], b: [4, 2], build: matmul },
  'matmul, batched': { a: [2, 3, 4], b: [4, 2], build: matmul },
  reshape: {
    a: [3, 4],
    build: (tape, a) => multiply(tape, reshape(tape, a, [2, 6]), reshape(tape, a, [2, 6])),
  },
  'split, one part unused': { a: [3, 4], build: (tape, a) => tanh(tape, split(tape, a, 2, 1)[0]!) },
  concat: { a: [3, 4], b: [2, 4], build: (tape, a, b) => tanh(tape, concat(tape, [a, b, a], 0)) },
  'sum over an axis': { a: [3, 4], build: (tape, a) => tanh(tape, sum(tape, a, [1])) },
  'sum over all': { a: [3, 4], build: (tape, a) => tanh(tape, sum(tape, a)) },
};

describe('gradients agree with finite differences', () => {
  for (const [name, { a, b = [1], build }] of Object.entries(OPERATORS)) {
    it(name, async () => {
      const operands = { a: { data: wave(a, 1), shape: a }, b: { data: wave(b, 2), shape: b } };
      const session = disposed(await lossSession(a, b, build));
      const exact = await session.run(operands);
      for (const key of ['a', 'b'] as const) {
        const gradient = exact[`gradient.${key}`]!;
        for (let i = 0; i < gradient.length; i++) {
          const at = async (shift: number): Promise<number> => {
            const data = operands[key].data.slice();
            data[i] = data[i]! + shift;
            const { loss } = await session.run({ ...operands, [key]: { data, shape: operands[key].shape } });
            return loss![0]!;
          };
          const numeric = ((await at(0.01)) - (await at(-0.01))) / 0.02;
          expect(gradient[i]).toBeCloseTo(numeric, 2);
        }
      }
    });
  }
});

describe('adam', () => {
  it('makes the update of the paper and clips the gradient to the global norm', async () => {
    const tape = new Tape('adam');
    const p = tape.parameter('p', [2]);
    const loss = sum(tape, multiply(tape, p, tape.constant(Float32Array.of(30, -40), [2])));
    adam(tape, [p], tape.gradients(loss, [p]), { clip: 5 });
    const session = disposed(
      await OnnxSession.load(tape.graph.build(), {
        inputs: { p: [2], rate: [], correct1: [], correct2: [], 'p.m': [2], 'p.v': [2] },
        outputs: { 'p.next': [2] },
      }),
    );
    const [correct1, correct2] = adamCorrections(1);
    const vector = (...data: number[]) => ({ data: Float32Array.from(data), shape: [2] });
    const number = (value: number) => ({ data: Float32Array.of(value), shape: [] });
    const out = await session.run({
      p: vector(1, 2),
      rate: number(0.1),
      correct1: number(correct1),
      correct2: number(correct2),
      'p.m': vector(0, 0),
      'p.v': vector(0, 0),
    });
    expect(out['p.m.next']![0]).toBeCloseTo(0.1 * 3, 5);
    expect(out['p.m.next']![1]).toBeCloseTo(0.1 * -4, 5);
    // The first step of Adam moves each parameter by the rate, against the sign of its gradient.
    expect(out['p.next']![0]).toBeCloseTo(0.9, 4);
    expect(out['p.next']![1]).toBeCloseTo(2.1, 4);
  });
});

describe('shapes', () => {
  it.each<[string, Build]>([
    ['add', add],
    ['matmul', matmul],
    ['reshape', (tape, a) => reshape(tape, a, [5, 5])],
    ['split', (tape, a) => split(tape, a, 5, 1)[0]!],
  ])('%s refuses operands that do not fit, naming both', (_, build) => {
    const tape = new Tape('misfit');
    const make = () => build(tape, tape.input('a', [3, 4]), tape.input('b', [3, 5]));
    expect(make).toThrow(
      expect.objectContaining({ code: 'shape-mismatch', message: expect.stringContaining('3, 4') }),
    );
  });

  it('refuses a loss that is no scalar, and a parameter the loss does not depend on', () => {
    const tape = new Tape('loss');
    const [a, b] = [tape.parameter('a', [2]), tape.parameter('b', [2])];
    expect(() => tape.gradients(a, [a])).toThrow(/scalar/);
    expect(() => tape.gradients(sum(tape, a), [b])).toThrow(/does not depend on b/);
  });
});

/** A session for loss = sum(weights * op(a, b)) and its gradients. */
async function lossSession(aShape: number[], bShape: number[], build: Build): Promise<OnnxSession> {
  const tape = new Tape('gradient');
  const a = tape.parameter('a', aShape);
  const b = tape.parameter('b', bShape);
  const out = build(tape, a, b);
  const shape = out.shape.map(Number);
  const weighted = sum(tape, multiply(tape, out, tape.constant(wave(shape, 3), shape)));
  // Each operand matters even to operators that take only one.
  const loss = add(tape, weighted, sum(tape, b));
  const gradients = tape.gradients(loss, [a, b]);
  tape.output(loss, 'loss');
  tape.output(gradients[0]!, 'gradient.a');
  tape.output(gradients[1]!, 'gradient.b');
  return OnnxSession.load(tape.graph.build(), {
    inputs: { a: aShape, b: bShape },
    outputs: { loss: [], 'gradient.a': aShape, 'gradient.b': bShape },
  });
}

/** Irregular values, none near a kink of the operators tested. */
function wave(shape: readonly number[], phase: number): Float32Array {
  const length = shape.reduce((product, size) => product * size, 1);
  return Float32Array.from({ length }, (_, i) => Math.sin(1.7 * i + phase) + 0.11 * phase);
}

/** Releases a session when its test is over. */
function disposed<T extends AsyncDisposable>(resource: T): T {
  onTestFinished(() => resource[Symbol.asyncDispose]());
  return resource;
}
