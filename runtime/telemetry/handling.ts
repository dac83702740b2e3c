/** One message from its turn to its outcome: what is measured of it, and the trace that it hands on. */
import { type Span, SpanStatusCode } from '@opentelemetry/api';
import type { Measures } from './measures.ts';
import { formatTrace } from './trace-context.ts';

/** One message while it is handled. */
export interface Handling {
  /** W3C traceparent for what is sent on behalf of this message; undefined if it is part of no trace. */
  readonly trace: string | undefined;
  /** The outcome is stored, or there is none because of this error. Called once. */
  end(error?: { readonly code: string; readonly message: string }): void;
}

/** Of a node that measures nothing. */
export class PassedOn implements Handling {
  readonly trace: string | undefined;

  constructor(trace: string | undefined) {
    this.trace = trace;
  }

  end(): void {}
}

export const UNTRACED: Handling = new PassedOn(undefined);

/** Of a node that does. */
export class Measurement implements Handling {
  readonly #kind: string;
  readonly #type: string;
  readonly #passed: string | undefined;
  readonly #span: Span | undefined;
  readonly #measures: Measures | undefined;
  readonly #now: () => number;
  readonly #since: number;

  constructor(
    kind: string,
    type: string,
    passed: string | undefined,
    span: Span | undefined,
    measures: Measures | undefined,
    now: () => number,
  ) {
    this.#kind = kind;
    this.#type = type;
    this.#passed = passed;
    this.#span = span;
    this.#measures = measures;
    this.#now = now;
    this.#since = measures === undefined ? 0 : now();
  }

  get trace(): string | undefined {
    return this.#span === undefined ? this.#passed : formatTrace(this.#span.spanContext());
  }

  end(error?: { readonly code: string; readonly message: string }): void {
    if (this.#measures !== undefined) {
      this.#measures.messages(1, [this.#kind, error?.code ?? 'handled']);
      this.#measures.handling((this.#now() - this.#since) / 1000, [this.#kind, this.#type]);
    }
    if (this.#span === undefined) return;
    if (error !== undefined) {
      this.#span.setAttribute('error.type', error.code);
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    }
    this.#span.end();
  }
}
