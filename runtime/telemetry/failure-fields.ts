/** A failure of an actor as fields of a structured log record. */
import type { GridError } from '../errors.ts';
import { kindOf } from './kind.ts';
import { parseTrace } from './trace-context.ts';

/** What a failure report says; `trace` is the traceparent of the message that brought it about. */
export interface Failure {
  readonly address: string;
  readonly error: GridError;
  readonly outcome: string;
  readonly trace?: string;
}

/**
 * `actor`, `kind`, `outcome`, `code`, and where there are any `field`, `hint`, `trace_id` and `span_id` (OpenTelemetry's
 * names in logs that are not OTLP, so that log stores link them to traces), and `stack` of what was thrown at first.
 */
export function failureFields({ address, error, outcome, trace }: Failure): Record<string, unknown> {
  const context = trace === undefined ? undefined : parseTrace(trace);
  const thrown = rootCause(error);
  return {
    actor: address,
    kind: kindOf(address),
    outcome,
    code: error.code,
    ...(error.field !== undefined && { field: error.field }),
    ...(error.hint !== undefined && { hint: error.hint }),
    ...(context !== undefined && { trace_id: context.traceId, span_id: context.spanId }),
    ...(thrown !== error && thrown instanceof Error && { stack: thrown.stack }),
  };
}

/** At most this many causes are followed: nothing keeps an error from being its own. */
const DEEPEST = 16;

function rootCause(error: unknown): unknown {
  let root = error;
  for (let depth = 0; depth < DEEPEST && root instanceof Error && root.cause !== undefined; depth++)
    root = root.cause;
  return root;
}
