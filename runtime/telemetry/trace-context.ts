/** The `trace` field of an envelope: a W3C traceparent, to and from OpenTelemetry's span context. */
import { isSpanContextValid, type SpanContext } from '@opentelemetry/api';

/** Version 00 of https://www.w3.org/TR/trace-context/, and of later versions what 00 has. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;

/** Undefined for what is not a traceparent: a message is never refused for its trace. */
export function parseTrace(trace: string): SpanContext | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(trace) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(context) ? context : undefined;
}

/** 55 characters. */
export function formatTrace({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}
