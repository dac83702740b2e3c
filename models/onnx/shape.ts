/** Shapes of tensors in a graph: fixed sizes and named (dynamic) ones, with the rules of broadcasting. */
import { ModelError } from '../errors.ts';

/** A size, or the name of one that is known only when the graph runs: `B`. */
export type Dim = number | string;
export type Shape = readonly Dim[];

/** Number of elements. Throws `shape-mismatch` when a dimension is named. */
export function elements(shape: Shape): number {
  return shape.reduce<number>((product, dim) => product * fixed(dim), 1);
}

export function fixed(dim: Dim | undefined): number {
  if (typeof dim === 'number') return dim;
  throw new ModelError('shape-mismatch', `a fixed size is needed here, got ${dim ?? 'nothing'}`);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/** Shape of an element-wise result, by the multidirectional broadcasting of ONNX (docs/Broadcasting.md). */
export function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x === y || y === 1) return x;
    if (x === 1) return y;
    throw mismatch('broadcast', a, b);
  });
}

/** Shape of a matrix product, last two dimensions; batch dimensions of `a` are kept, `b` is a matrix. */
export function product(a: Shape, b: Shape): Shape {
  if (a.length < 2 || b.length !== 2 || a.at(-1) !== b[0]) throw mismatch('multiply', a, b);
  return [...a.slice(0, -1), b[1]!];
}

export function mismatch(verb: string, a: Shape, b: Shape): ModelError {
  return new ModelError('shape-mismatch', `cannot ${verb} [${a.join(', ')}] and [${b.join(', ')}]`);
}
