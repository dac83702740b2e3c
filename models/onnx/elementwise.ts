/** Differentiable element-wise operators, with broadcasting. */
import { broadcast, type Shape, sameShape } from './shape.ts';
import type { Tape, Var } from './tape.ts';

export function add(tape: Tape, a: Var, b: Var): Var {
  return tape.record(binary(tape, 'Add', a, b), [a, b], ([g]) => [
    reduceTo(tape, g!, a.shape),
    reduceTo(tape, g!, b.shape),
  ]);
}

export function subtract(tape: Tape, a: Var, b: Var): Var {
  return tape.record(binary(tape, 'Sub', a, b), [a, b], ([g]) => [
    reduceTo(tape, g!, a.shape),
    b.tracked ? reduceTo(tape, tape.emit('Neg', [g!], g!.shape), b.shape) : undefined,
  ]);
}

export function multiply(tape: Tape, a: Var, b: Var): Var {
  return tape.record(binary(tape, 'Mul', a, b), [a, b], ([g]) => [
    a.tracked ? reduceTo(tape, binary(tape, 'Mul', g!, b), a.shape) : undefined,
    b.tracked ? reduceTo(tape, binary(tape, 'Mul', g!, a), b.shape) : undefined,
  ]);
}

/** Larger of two values; where they are equal the gradient goes to `a`. */
export function maximum(tape: Tape, a: Var, b: Var): Var {
  return tape.record(binary(tape, 'Max', a, b), [a, b], ([g]) => {
    const mask = tape.emit('Cast', [binary(tape, 'GreaterOrEqual', a, b)], broadcast(a.shape, b.shape), {
      to: 1,
    });
    const rest = binary(tape, 'Sub', tape.scalar(1), mask);
    return [
      a.tracked ? reduceTo(tape, binary(tape, 'Mul', g!, mask), a.shape) : undefined,
      b.tracked ? reduceTo(tape, binary(tape, 'Mul', g!, rest), b.shape) : undefined,
    ];
  });
}

export function sigmoid(tape: Tape, a: Var): Var {
  const out = tape.emit('Sigmoid', [a], a.shape);
  return tape.record(out, [a], ([g]) => {
    const slope = binary(tape, 'Mul', out, binary(tape, 'Sub', tape.scalar(1), out));
    return [binary(tape, 'Mul', g!, slope)];
  });
}

export function tanh(tape: Tape, a: Var): Var {
  const out = tape.emit('Tanh', [a], a.shape);
  return tape.record(out, [a], ([g]) => {
    const slope = binary(tape, 'Sub', tape.scalar(1), binary(tape, 'Mul', out, out));
    return [binary(tape, 'Mul', g!, slope)];
  });
}

export function relu(tape: Tape, a: Var): Var {
  const out = tape.emit('Relu', [a], a.shape);
  return tape.record(out, [a], ([g]) => [binary(tape, 'Mul', g!, tape.emit('Sign', [out], out.shape))]);
}

/** An element-wise operator without a gradient. */
export function binary(tape: Tape, opType: string, a: Var, b: Var): Var {
  return tape.emit(opType, [a, b], broadcast(a.shape, b.shape));
}

/** Sums a gradient over the dimensions along which its operand was broadcast. */
function reduceTo(tape: Tape, gradient: Var, shape: Shape): Var {
  if (sameShape(gradient.shape, shape)) return gradient;
  const lead = gradient.shape.length - shape.length;
  const axes = gradient.shape.flatMap((dim, i) =>
    i < lead || (shape[i - lead] === 1 && dim !== 1) ? [i] : [],
  );
  const kept = gradient.shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
  const sum =
    axes.length === 0
      ? gradient
      : tape.emit('ReduceSum', [gradient], kept, { keepdims: 1 }, [tape.ints(axes)]);
  if (sameShape(kept, shape)) return sum;
  // Only leading dimensions of size 1 are left over.
  return tape.emit('Reshape', [sum], shape, {}, [tape.ints(shape.map((dim) => Number(dim)))]);
}
