/** Reverse-mode automatic differentiation whose tape is an ONNX graph: forward and backward pass as plain operators. */
import { ModelError } from '../errors.ts';
import { type Attribute, GraphWriter } from './graph.ts';
import { elements, type Shape } from './shape.ts';

/** A value of the graph. `tracked` says that a gradient flows through it. */
export interface Var {
  readonly name: string;
  readonly shape: Shape;
  readonly tracked: boolean;
}

/** Vector-Jacobian product: gradients of the outputs in (undefined = none), gradients of the inputs out. */
export type Pullback = (outputs: readonly (Var | undefined)[]) => readonly (Var | undefined)[];

interface Entry {
  readonly outputs: readonly Var[];
  readonly inputs: readonly Var[];
  readonly pullback: Pullback;
}

export class Tape {
  readonly graph: GraphWriter;
  readonly #entries: Entry[] = [];
  readonly #constants = new Map<string, Var>();
  readonly #ints = new Map<string, string>();

  constructor(name: string) {
    this.graph = new GraphWriter(name);
  }

  /** A value fed at each run; no gradient. */
  input(name: string, shape: Shape): Var {
    return { name: this.graph.input(name, shape), shape, tracked: false };
  }

  /** A value fed at each run that the loss is differentiated by. */
  parameter(name: string, shape: readonly number[]): Var {
    return { name: this.graph.input(name, shape), shape, tracked: true };
  }

  /** A value stored in the graph. */
  constant(data: Float32Array, shape: readonly number[], name?: string): Var {
    return { name: this.graph.float32(data, shape, name), shape, tracked: false };
  }

  scalar(value: number): Var {
    return this.#once(`scalar ${value}`, () => this.constant(Float32Array.of(value), []));
  }

  zeros(shape: readonly number[]): Var {
    return this.#once(`zeros ${shape}`, () => this.constant(new Float32Array(elements(shape)), shape));
  }

  /** Name of a stored int64 vector, as operators take for shapes and axes. */
  ints(values: readonly number[]): string {
    const key = values.join(',');
    let name = this.#ints.get(key);
    if (name === undefined) {
      name = this.graph.int64(values);
      this.#ints.set(key, name);
    }
    return name;
  }

  /** Adds an operator without a gradient; `extra` are names appended to its inputs (shapes, axes). */
  emit(
    opType: string,
    inputs: readonly Var[],
    shape: Shape,
    attributes: Readonly<Record<string, Attribute>> = {},
    extra: readonly string[] = [],
  ): Var {
    const [name] = this.graph.node(opType, [...inputs.map((input) => input.name), ...extra], attributes);
    return { name: name!, shape, tracked: false };
  }

  /** Records how gradients flow back through `output`; returns it marked as tracked if any input is. */
  record(output: Var, inputs: readonly Var[], pullback: Pullback): Var {
    return this.recordAll([output], inputs, pullback)[0]!;
  }

  recordAll(outputs: readonly Var[], inputs: readonly Var[], pullback: Pullback): Var[] {
    const tracked = inputs.some((input) => input.tracked);
    const marked = outputs.map((output) => ({ ...output, tracked }));
    if (tracked) this.#entries.push({ outputs: marked, inputs, pullback });
    return marked;
  }

  /** Gives a value a public name and makes it an output of the graph. */
  output(value: Var, name: string): Var {
    this.graph.node('Identity', [value.name], {}, [name]);
    this.graph.output(name, value.shape);
    return { ...value, name };
  }

  /** Gradients of a scalar `loss` by each of `parameters`, appended to the graph. */
  gradients(loss: Var, parameters: readonly Var[]): Var[] {
    if (loss.shape.length !== 0) {
      throw new ModelError('shape-mismatch', `a loss is a scalar, got [${loss.shape.join(', ')}]`);
    }
    const pending = new Map<string, Var[]>([[loss.name, [this.scalar(1)]]]);
    for (const entry of this.#entries.toReversed()) {
      const outputs = entry.outputs.map((output) => this.#total(pending, output));
      if (outputs.every((gradient) => gradient === undefined)) continue;
      const inputs = entry.pullback(outputs);
      entry.inputs.forEach((input, i) => {
        const gradient = inputs[i];
        if (!input.tracked || gradient === undefined) return;
        const parts = pending.get(input.name);
        if (parts) parts.push(gradient);
        else pending.set(input.name, [gradient]);
      });
    }
    return parameters.map((parameter) => {
      const gradient = this.#total(pending, parameter);
      if (gradient) return gradient;
      throw new ModelError('invalid-argument', `the loss does not depend on ${parameter.name}`);
    });
  }

  #total(pending: Map<string, Var[]>, value: Var): Var | undefined {
    const parts = pending.get(value.name);
    if (parts === undefined || parts.length < 2) return parts?.[0];
    const sum = this.emit('Sum', parts, value.shape);
    pending.set(value.name, [sum]);
    return sum;
  }

  #once(key: string, make: () => Var): Var {
    let value = this.#constants.get(key);
    if (value === undefined) {
      value = make();
      this.#constants.set(key, value);
    }
    return value;
  }
}
