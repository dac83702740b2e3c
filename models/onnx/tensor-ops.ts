/** Differentiable operators on whole tensors: products, sums, soft-max, and changes of shape. */
import { ModelError } from '../errors.ts';
import { binary } from './elementwise.ts';
import { elements, fixed, mismatch, product, type Shape } from './shape.ts';
import type { Tape, Var } from './tape.ts';

/** `a` [.., K] times the matrix `b` [K, N]. */
export function matmul(tape: Tape, a: Var, b: Var): Var {
  const shape = product(a.shape, b.shape);
  return tape.record(tape.emit('MatMul', [a, b], shape), [a, b], ([g]) => [
    a.tracked ? tape.emit('MatMul', [g!, transpose(tape, b)], a.shape) : undefined,
    b.tracked ? outer(tape, a, g!, b.shape) : undefined,
  ]);
}

/** The same elements in another shape; at most one dimension may be named. */
export function reshape(tape: Tape, a: Var, shape: Shape): Var {
  const named = [...shape, ...a.shape].some((dim) => typeof dim === 'string');
  if (!named && elements(shape) !== elements(a.shape)) throw mismatch('reshape between', a.shape, shape);
  const out = rawReshape(tape, a, shape);
  return tape.record(out, [a], ([g]) => [rawReshape(tape, g!, a.shape)]);
}

/** `count` equal parts along `axis`. */
export function split(tape: Tape, a: Var, count: number, axis: number): Var[] {
  const size = fixed(a.shape[axis]) / count;
  if (!Number.isInteger(size)) {
    throw new ModelError('shape-mismatch', `cannot split [${a.shape.join(', ')}] in ${count} along ${axis}`);
  }
  const shape = a.shape.map((dim, i) => (i === axis ? size : dim));
  const sizes = tape.ints(Array.from({ length: count }, () => size));
  const parts = tape.graph
    .node('Split', [a.name, sizes], { axis }, count)
    .map((name) => ({ name, shape, tracked: false }));
  return tape.recordAll(parts, [a], (gradients) => {
    const filled = gradients.map((g) => g ?? tape.zeros(shape.map(fixed)));
    return [tape.emit('Concat', filled, a.shape, { axis })];
  });
}

export function concat(tape: Tape, parts: readonly Var[], axis: number): Var {
  const sizes = parts.map((part) => fixed(part.shape[axis]));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const shape = parts[0]!.shape.map((dim, i) => (i === axis ? total : dim));
  return tape.record(tape.emit('Concat', parts, shape, { axis }), parts, ([g]) =>
    tape.graph
      .node('Split', [g!.name, tape.ints(sizes)], { axis }, sizes.length)
      .map((name, i) => ({ name, shape: parts[i]!.shape, tracked: false })),
  );
}

/** Sum over `axes` (all of them if left out); the axes go away. */
export function sum(tape: Tape, a: Var, axes: readonly number[] = a.shape.map((_, i) => i)): Var {
  const kept = a.shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
  const shape = a.shape.filter((_, i) => !axes.includes(i));
  const out = tape.emit('ReduceSum', [a], shape, { keepdims: 0 }, [tape.ints(axes)]);
  return tape.record(out, [a], ([g]) => [
    tape.emit('Expand', [rawReshape(tape, g!, kept)], a.shape, {}, [tape.ints(a.shape.map(fixed))]),
  ]);
}

/** Soft-max along the last axis. */
export function softmax(tape: Tape, a: Var): Var {
  const axis = a.shape.length - 1;
  const out = tape.emit('Softmax', [a], a.shape, { axis });
  return tape.record(out, [a], ([g]) => {
    const weighted = binary(tape, 'Mul', g!, out);
    const kept = a.shape.map((dim, i) => (i === axis ? 1 : dim));
    const total = tape.emit('ReduceSum', [weighted], kept, { keepdims: 1 }, [tape.ints([axis])]);
    return [binary(tape, 'Sub', weighted, binary(tape, 'Mul', out, total))];
  });
}

function transpose(tape: Tape, a: Var): Var {
  return tape.emit('Transpose', [a], a.shape.toReversed(), { perm: a.shape.map((_, i) => i).toReversed() });
}

/** Gradient of the right factor: all leading dimensions of both are rows. */
function outer(tape: Tape, a: Var, g: Var, shape: Shape): Var {
  const rows = elements(a.shape.slice(0, -1));
  const left = rawReshape(tape, a, [rows, a.shape.at(-1)!]);
  const right = rawReshape(tape, g, [rows, g.shape.at(-1)!]);
  return tape.emit('Gemm', [left, right], shape, { transA: 1 });
}

function rawReshape(tape: Tape, a: Var, shape: Shape): Var {
  const sizes = shape.map((dim) => (typeof dim === 'number' ? dim : -1));
  return tape.emit('Reshape', [a], shape, {}, [tape.ints(sizes)]);
}
