/** ONNX sessions: what is written can be run, and a file that is not right is refused with the reason. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it, onTestFinished } from 'vitest';
import { add, GraphWriter, modelMetadata, OnnxSession, readModel, Tape } from './mod.ts';
import { ModelProtoSchema } from './proto/onnx_pb.ts';

const SIGNATURE = { inputs: { x: ['B', 2] }, outputs: { y: ['B', 2] } } as const;

function addOne(metadata: Record<string, string> = {}): Uint8Array {
  const tape = new Tape('add-one');
  tape.output(add(tape, tape.input('x', ['B', 2]), tape.constant(Float32Array.of(1, 1), [2], 'one')), 'y');
  return tape.graph.build(metadata);
}

describe('OnnxSession', () => {
  it('runs a graph that was written here, with a batch of any size', async () => {
    const session = disposed(await OnnxSession.load(addOne(), SIGNATURE));
    const out = await session.run({ x: { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] } });
    expect([...out.y!]).toEqual([2, 3, 4, 5]);
  });

  it('keeps metadata', () => {
    expect(modelMetadata(addOne({ kind: 'test', steps: '3' }))).toEqual({ kind: 'test', steps: '3' });
  });

  it('names what is wrong with a tensor of another shape', async () => {
    const session = disposed(await OnnxSession.load(addOne(), SIGNATURE));
    const run = session.run({ x: { data: new Float32Array(3), shape: [1, 3] } });
    await expect(run).rejects.toMatchObject({ code: 'model-mismatch' });
  });
});

describe('a model file that is not right', () => {
  const changed = (change: (model: ReturnType<typeof parse>) => void): Uint8Array => {
    const model = parse();
    change(model);
    return toBinary(ModelProtoSchema, model);
  };
  const parse = () => fromBinary(ModelProtoSchema, addOne());

  it.each([
    ['random bytes', Uint8Array.of(9, 9, 9, 9), 'model-malformed', undefined],
    ['no bytes', new Uint8Array(0), 'model-malformed', 'graph'],
    ['half a file', addOne().slice(0, 60), 'model-malformed', undefined],
    [
      'a graph without nodes',
      toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n })),
      'model-malformed',
      'graph',
    ],
    [
      'a newer operator set',
      changed((m) => {
        m.opsetImport[0]!.version = 99n;
      }),
      'model-version',
      'opset_import',
    ],
    [
      'a newer IR',
      changed((m) => {
        m.irVersion = 99n;
      }),
      'model-version',
      'ir_version',
    ],
    [
      'another input name',
      changed((m) => {
        m.graph!.input[0]!.name = 'z';
      }),
      'model-mismatch',
      'inputs.x',
    ],
    [
      'no output',
      changed((m) => {
        m.graph!.output = [];
      }),
      'model-mismatch',
      'outputs.y',
    ],
    [
      'an operator that does not exist',
      changed((m) => {
        m.graph!.node[0]!.opType = 'Nonsense';
      }),
      'model-malformed',
      undefined,
    ],
  ] as const)('%s: a typed error that names the field', async (_, bytes, code, field) => {
    const load = OnnxSession.load(bytes, SIGNATURE);
    await expect(load).rejects.toMatchObject({ name: 'ModelError', code, ...(field && { field }) });
  });

  it('another shape: names the one needed', async () => {
    const load = OnnxSession.load(addOne(), { inputs: { x: ['B', 3] }, outputs: {} });
    await expect(load).rejects.toMatchObject({ field: 'inputs.x.shape', hint: '[B, 3] is needed' });
  });

  it('an input that nobody feeds', async () => {
    const load = OnnxSession.load(addOne(), { inputs: {}, outputs: {} });
    await expect(load).rejects.toMatchObject({ code: 'model-mismatch', field: 'inputs.x' });
  });

  it('a path that does not exist', async () => {
    await expect(readModel('/nowhere/model.onnx')).rejects.toMatchObject({
      code: 'model-unreadable',
      field: 'path',
    });
  });
});

describe('GraphWriter', () => {
  it('refuses a name twice, an unknown value and weights that do not fill their shape', () => {
    const graph = new GraphWriter('strict');
    graph.input('x', [2]);
    expect(() => graph.input('x', [2])).toThrow(/two values/);
    expect(() => graph.node('Neg', ['nothing'])).toThrow(/which nothing in the graph makes/);
    expect(() => graph.output('nothing', [1])).toThrow(/which nothing in the graph makes/);
    expect(() => graph.float32(new Float32Array(3), [2, 2])).toThrow(/3 values/);
  });
});

/** Releases a session when its test is over. */
function disposed<T extends AsyncDisposable>(resource: T): T {
  onTestFinished(() => resource[Symbol.asyncDispose]());
  return resource;
}
