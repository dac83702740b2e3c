/** A loaded ONNX model: checked against what its caller expects, run on one thread, released at the end. */
import { readFile } from 'node:fs/promises';
import { fromBinary } from '@bufbuild/protobuf';
import * as ort from 'onnxruntime-node';
import { ModelError } from '../errors.ts';
import { IR_VERSION, OPSET } from './graph.ts';
import { type ModelProto, ModelProtoSchema, type ValueInfoProto } from './proto/onnx_pb.ts';
import type { Dim, Shape } from './shape.ts';

/** What a caller needs of a model. A named dimension fits any named dimension. */
export interface ModelSignature {
  readonly inputs: Readonly<Record<string, Shape>>;
  readonly outputs: Readonly<Record<string, Shape>>;
}

/** A float32 tensor, row-major. */
export interface Tensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** The file's bytes. Error: `model-unreadable`. */
export async function readModel(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new ModelError('model-unreadable', `cannot read the model ${path}`, {
      field: 'path',
      hint: 'give the path of an .onnx file that this process may read',
      cause,
    });
  }
}

/** Metadata of a model file. Errors: `model-malformed`, `model-version`. */
export function modelMetadata(bytes: Uint8Array): Readonly<Record<string, string>> {
  return Object.fromEntries(parse(bytes).metadataProps.map(({ key, value }) => [key, value]));
}

/** Runs block the calling thread: use it in a worker. A worker must not be terminated while a run is under way. */
export class OnnxSession implements AsyncDisposable {
  readonly #session: ort.InferenceSession;

  private constructor(session: ort.InferenceSession) {
    this.#session = session;
  }

  /** Errors: `model-malformed`, `model-version`, `model-mismatch`, each naming the field. */
  static async load(bytes: Uint8Array, signature: ModelSignature): Promise<OnnxSession> {
    const model = parse(bytes);
    checkValues('inputs', model.graph?.input ?? [], signature.inputs);
    checkValues('outputs', model.graph?.output ?? [], signature.outputs);
    try {
      return new OnnxSession(
        await ort.InferenceSession.create(bytes, {
          intraOpNumThreads: 1,
          interOpNumThreads: 1,
          logSeverityLevel: 3,
        }),
      );
    } catch (cause) {
      throw new ModelError('model-malformed', `the inference engine refuses the model: ${reason(cause)}`, {
        cause,
      });
    }
  }

  /** Runs the model. Outputs are fresh arrays. Error: `model-mismatch` when a tensor does not fit. */
  async run(inputs: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Float32Array>>> {
    const feeds: Record<string, ort.Tensor> = {};
    for (const [name, { data, shape }] of Object.entries(inputs)) {
      feeds[name] = new ort.Tensor('float32', data, shape);
    }
    try {
      const results = await this.#session.run(feeds);
      return Object.fromEntries(
        Object.entries(results).map(([name, { data }]) => [name, float32(name, data)]),
      );
    } catch (cause) {
      throw new ModelError('model-mismatch', `the model could not run: ${reason(cause)}`, { cause });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.release();
  }
}

function parse(bytes: Uint8Array): ModelProto {
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new ModelError('model-malformed', 'these bytes are no ONNX model', { cause });
  }
  if (!model.graph || model.graph.node.length === 0) {
    throw new ModelError('model-malformed', 'the model holds no graph', { field: 'graph' });
  }
  if (model.irVersion > BigInt(IR_VERSION)) {
    throw new ModelError('model-version', `IR version ${model.irVersion} is newer than ${IR_VERSION}`, {
      field: 'ir_version',
      hint: `export the model for IR version ${IR_VERSION} or older`,
    });
  }
  const opset = model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx');
  if (!opset || opset.version > BigInt(OPSET)) {
    throw new ModelError('model-version', `operator set ${opset?.version ?? 'none'} is not supported`, {
      field: 'opset_import',
      hint: `export the model for operator set ${OPSET} or older`,
    });
  }
  return model;
}

function checkValues(
  kind: 'inputs' | 'outputs',
  values: readonly ValueInfoProto[],
  expected: Readonly<Record<string, Shape>>,
): void {
  for (const [name, shape] of Object.entries(expected)) {
    const field = `${kind}.${name}`;
    const value = values.find((candidate) => candidate.name === name);
    if (!value) {
      const names = values.map((candidate) => candidate.name).join(', ') || 'none';
      throw new ModelError('model-mismatch', `the model has no ${field}`, { field, hint: `it has ${names}` });
    }
    const actual = shapeOf(value);
    if (actual.length === shape.length && actual.every((dim, i) => fits(dim, shape[i]))) continue;
    throw new ModelError('model-mismatch', `${field} has shape [${actual.join(', ')}]`, {
      field: `${field}.shape`,
      hint: `[${shape.join(', ')}] is needed`,
    });
  }
  const known = new Set(Object.keys(expected));
  const surplus = kind === 'inputs' && values.find(({ name }) => !known.has(name));
  if (surplus) {
    throw new ModelError('model-mismatch', `the model wants an input ${surplus.name} that nobody feeds`, {
      field: `inputs.${surplus.name}`,
      hint: `known inputs are ${[...known].join(', ')}`,
    });
  }
}

function shapeOf(value: ValueInfoProto): Shape {
  const type = value.type?.value;
  if (type?.case !== 'tensorType') return [];
  return (type.value.shape?.dim ?? []).map(
    (dim): Dim => (dim.value.case === 'dimValue' ? Number(dim.value.value) : (dim.value.value ?? '?')),
  );
}

function fits(actual: Dim, wanted: Dim | undefined): boolean {
  return typeof wanted === 'string' ? typeof actual === 'string' : actual === wanted;
}

function float32(name: string, data: unknown): Float32Array {
  if (data instanceof Float32Array) return data;
  throw new ModelError('model-mismatch', `output ${name} is not float32`, { field: `outputs.${name}` });
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
