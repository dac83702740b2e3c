/** Writes ONNX graphs: typed nodes, inputs, outputs, weights and metadata, checked as they are added. */
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelError } from '../errors.ts';
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './proto/onnx_pb.ts';
import { elements, type Shape } from './shape.ts';

/** Operator set that every graph of shadowgrid is written for. */
export const OPSET = 17;
/** IR version that belongs to it. */
export const IR_VERSION = 8;

/** TensorProto.DataType, as far as used. */
export const DATA_TYPE = { float: 1, int64: 7 } as const;
const ATTRIBUTE_TYPE = { float: 1, int: 2, ints: 7 } as const;

/** An attribute: a bare number is an integer, as in most ONNX operators. */
export type Attribute = number | readonly number[] | { readonly float: number };

export class GraphWriter {
  readonly #graph: GraphProto;
  readonly #names = new Set<string>();
  #serial = 0;

  constructor(name: string) {
    this.#graph = create(GraphProtoSchema, { name });
  }

  get nodeCount(): number {
    return this.#graph.node.length;
  }

  input(name: string, shape: Shape): string {
    this.#graph.input.push(valueInfo(this.#define(name), shape));
    return name;
  }

  /** Declares an existing value as an output of the graph. */
  output(name: string, shape: Shape): void {
    this.#known(name, 'output');
    this.#graph.output.push(valueInfo(name, shape));
  }

  /** Adds a float32 weight or constant. Throws `shape-mismatch` when `data` does not fill `shape`. */
  float32(data: Float32Array, shape: readonly number[], name = this.#fresh('weight')): string {
    if (data.length !== elements(shape)) {
      throw new ModelError('shape-mismatch', `${name}: ${data.length} values for [${shape.join(', ')}]`);
    }
    return this.#initializer(name, DATA_TYPE.float, shape, data);
  }

  int64(data: readonly number[], name = this.#fresh('ints')): string {
    return this.#initializer(name, DATA_TYPE.int64, [data.length], BigInt64Array.from(data, BigInt));
  }

  /** Adds a node; returns the names of its outputs. An input named '' is an optional one left out. */
  node(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    outputs: number | readonly string[] = 1,
  ): string[] {
    for (const input of inputs) if (input !== '') this.#known(input, opType);
    const names = (
      typeof outputs === 'number' ? Array.from({ length: outputs }, () => this.#fresh(opType)) : outputs
    ).map((name) => this.#define(name));
    this.#graph.node.push(
      create(NodeProtoSchema, {
        opType,
        name: `${opType}:${names[0]}`,
        input: [...inputs],
        output: names,
        attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
      }),
    );
    return names;
  }

  /** The model file. `metadata` ends up in metadata_props. */
  build(metadata: Readonly<Record<string, string>> = {}): Uint8Array {
    return toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, {
        irVersion: BigInt(IR_VERSION),
        producerName: 'shadowgrid',
        opsetImport: [{ domain: '', version: BigInt(OPSET) }],
        metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
        graph: this.#graph,
      }),
    );
  }

  #initializer(name: string, dataType: number, shape: readonly number[], data: ArrayBufferView): string {
    const rawData = new Uint8Array(data.byteLength);
    rawData.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.#graph.initializer.push(
      create(TensorProtoSchema, { name: this.#define(name), dataType, dims: shape.map(BigInt), rawData }),
    );
    return name;
  }

  #fresh(prefix: string): string {
    this.#serial++;
    return `${prefix}_${this.#serial}`;
  }

  #define(name: string): string {
    if (this.#names.has(name)) {
      throw new ModelError('model-malformed', `two values of the graph are named ${name}`);
    }
    this.#names.add(name);
    return name;
  }

  #known(name: string, user: string): void {
    if (!this.#names.has(name)) {
      throw new ModelError('model-malformed', `${user} uses ${name}, which nothing in the graph makes`);
    }
  }
}

function valueInfo(name: string, shape: Shape): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: 'tensorType',
        value: {
          elemType: DATA_TYPE.float,
          shape: {
            dim: shape.map((dim) => ({
              value:
                typeof dim === 'number'
                  ? ({ case: 'dimValue', value: BigInt(dim) } as const)
                  : ({ case: 'dimParam', value: dim } as const),
            })),
          },
        },
      },
    },
  });
}

function attribute(name: string, value: Attribute): AttributeProto {
  if (typeof value === 'number') {
    return create(AttributeProtoSchema, { name, type: ATTRIBUTE_TYPE.int, i: BigInt(value) });
  }
  if ('float' in value) {
    return create(AttributeProtoSchema, { name, type: ATTRIBUTE_TYPE.float, f: value.float });
  }
  return create(AttributeProtoSchema, { name, type: ATTRIBUTE_TYPE.ints, ints: value.map(BigInt) });
}
