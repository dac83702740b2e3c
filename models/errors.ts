/** Errors of the model room: one class, a stable code per cause, and the field or file that is wrong. */

export type ModelErrorCode =
  /** A model file cannot be read from disk. */
  | 'model-unreadable'
  /** Bytes that are no ONNX model, or one the engine refuses. */
  | 'model-malformed'
  /** The file asks for an operator set or IR version that this program does not know. */
  | 'model-version'
  /** An input, output or metadata entry is missing, or has another name, type or shape than expected. */
  | 'model-mismatch'
  /** Operands whose shapes do not fit: a mistake in code that writes a graph. */
  | 'shape-mismatch'
  /** An argument that a forecaster cannot work with. */
  | 'invalid-argument'
  /** A file of recorded demand that does not agree with its index. */
  | 'recordings-malformed';

export interface ModelErrorOptions {
  /** Path of what is wrong: `inputs.x.shape`. */
  readonly field?: string;
  /** What would be right, or what the caller can do. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** Base of every error that models/ throws on purpose; same fields as an error that crosses the wire. */
export class ModelError extends Error {
  readonly code: ModelErrorCode;
  readonly field: string | undefined;
  readonly hint: string | undefined;

  constructor(code: ModelErrorCode, message: string, options: ModelErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ModelError';
    this.code = code;
    this.field = options.field;
    this.hint = options.hint;
  }
}
