/** Writing, differentiating, checking and running ONNX graphs. */
export { adam, adamCorrections } from './adam.ts';
export { add, maximum, multiply, relu, sigmoid, subtract, tanh } from './elementwise.ts';
export { GraphWriter } from './graph.ts';
export { modelMetadata, OnnxSession, readModel, type Tensor } from './session.ts';
export { Tape, type Var } from './tape.ts';
export { concat, matmul, reshape, softmax, split, sum } from './tensor-ops.ts';
