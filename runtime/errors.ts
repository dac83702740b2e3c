/** Errors that cross processes: one base with a stable code, one subclass per failure, one wire form. */

/** The form in which an error crosses NATS and HTTP. */
export interface WireError {
  /** Stable, machine-readable: `invalid-field`, `mailbox-full`, ... */
  readonly code: string;
  /** One sentence for a person. */
  readonly message: string;
  /** Path of the offending field, when the caller sent something wrong: `resources.cores`. */
  readonly field?: string;
  /** What would be right, or what the caller can do. */
  readonly hint?: string;
  /** True when the same request may succeed later. */
  readonly retryable?: boolean;
}

export interface GridErrorOptions {
  readonly field?: string;
  readonly hint?: string;
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** Base of every error that shadowgrid throws on purpose. */
export class GridError extends Error {
  readonly code: string;
  readonly field: string | undefined;
  readonly hint: string | undefined;
  readonly retryable: boolean;

  constructor(code: string, message: string, options: GridErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.field = options.field;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
  }

  toWire(): WireError {
    return {
      code: this.code,
      message: this.message,
      ...(this.field !== undefined && { field: this.field }),
      ...(this.hint !== undefined && { hint: this.hint }),
      ...(this.retryable && { retryable: true }),
    };
  }
}

/** An error that another process sent us. Its `code` is the sender's. */
export class RemoteError extends GridError {
  constructor(wire: WireError) {
    super(wire.code, wire.message, wire);
  }
}

/** Any thrown value in wire form; what is not a GridError becomes `internal`, without its stack. */
export function toWireError(thrown: unknown): WireError {
  if (thrown instanceof GridError) return thrown.toWire();
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: 'internal', message };
}
