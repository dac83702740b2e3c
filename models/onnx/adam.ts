/** The Adam optimiser (Kingma and Ba, 2015) with global gradient clipping, spelled out in ONNX operators. */
import { binary } from './elementwise.ts';
import { fixed } from './shape.ts';
import type { Tape, Var } from './tape.ts';

export interface AdamOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** Largest global norm of the gradient; larger ones are scaled down. */
  readonly clip: number;
}

/**
 * Appends one update. Inputs it adds: `rate` (learning rate), `correct1` = 1/(1 - beta1^t), `correct2` = 1/(1 - beta2^t),
 * and per parameter P the moments `P.m`, `P.v`. Outputs: `P.next`, `P.m.next`, `P.v.next`.
 */
export function adam(
  tape: Tape,
  parameters: readonly Var[],
  gradients: readonly Var[],
  options: AdamOptions,
): void {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  const op = (type: string, a: Var, b: Var): Var => binary(tape, type, a, b);
  const mix = (old: Var, now: Var, keep: number): Var =>
    op('Add', op('Mul', old, tape.scalar(keep)), op('Mul', now, tape.scalar(1 - keep)));
  const rate = tape.input('rate', []);
  const correct1 = tape.input('correct1', []);
  const correct2 = tape.input('correct2', []);
  const shrink = clipFactor(tape, gradients, options.clip);
  parameters.forEach((parameter, i) => {
    const shape = parameter.shape.map(fixed);
    const gradient = op('Mul', gradients[i]!, shrink);
    const m = mix(tape.input(`${parameter.name}.m`, shape), gradient, beta1);
    const v = mix(tape.input(`${parameter.name}.v`, shape), op('Mul', gradient, gradient), beta2);
    const scale = op('Add', tape.emit('Sqrt', [op('Mul', v, correct2)], shape), tape.scalar(epsilon));
    const next = op('Sub', parameter, op('Mul', rate, op('Div', op('Mul', m, correct1), scale)));
    tape.output(next, `${parameter.name}.next`);
    tape.output(m, `${parameter.name}.m.next`);
    tape.output(v, `${parameter.name}.v.next`);
  });
}

/** The bias corrections of step `step` (from 1). */
export function adamCorrections(step: number, beta1 = 0.9, beta2 = 0.999): readonly [number, number] {
  return [1 / (1 - beta1 ** step), 1 / (1 - beta2 ** step)];
}

function clipFactor(tape: Tape, gradients: readonly Var[], clip: number): Var {
  const squares = gradients.map((g) => tape.emit('ReduceSumSquare', [g], [], { keepdims: 0 }));
  const norm = tape.emit('Sqrt', [tape.emit('Sum', squares, [])], []);
  const ratio = binary(tape, 'Div', tape.scalar(clip), binary(tape, 'Add', norm, tape.scalar(1e-6)));
  return binary(tape, 'Min', tape.scalar(1), ratio);
}
