/** Spans and metrics of the actors of one node; next to nothing is done while nobody collects them. */
import {
  createNoopMeter,
  metrics,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  type Tracer,
  trace as traceApi,
} from '@opentelemetry/api';
import type { Envelope } from '../envelope.ts';
import type { Failure } from './failure-fields.ts';
import { type Handling, Measurement, PassedOn, UNTRACED } from './handling.ts';
import { kindOf } from './kind.ts';
import { Measures } from './measures.ts';
import {
  type CommandOutcome,
  METRICS,
  type MetricDescription,
  type MetricSink,
  meterSink,
  type Observation,
} from './metrics.ts';
import { type Measured, type Tally, tally } from './tally.ts';
import { parseTrace } from './trace-context.ts';

/** Name under which OpenTelemetry knows this runtime's spans and metrics. */
const SCOPE = 'shadowgrid.runtime';

export interface ActorTelemetryOptions {
  readonly node: string;
  /** Makes the spans. Default: the process's, if one is registered with `@opentelemetry/api` by now; else there are none. */
  readonly tracer?: Tracer | undefined;
  /** Where metrics go. Default: the process's meter, if one is registered with `@opentelemetry/api` by now. */
  readonly metrics?: readonly MetricSink[] | undefined;
  /** Monotonic time, ms. Default `performance.now`. */
  readonly now?: (() => number) | undefined;
}

export class ActorTelemetry {
  readonly #node: string;
  readonly #tracer: Tracer | undefined;
  readonly #sinks: readonly MetricSink[];
  readonly #now: () => number;
  readonly #measures: Measures | undefined;
  readonly #gauges: (() => void)[] = [];
  /** False: a handled message costs a call and nothing more. */
  readonly #on: boolean;

  constructor(options: ActorTelemetryOptions) {
    this.#node = options.node;
    this.#tracer = options.tracer ?? registeredTracer();
    this.#sinks = options.metrics ?? registeredMeter();
    this.#now = options.now ?? (() => performance.now());
    this.#measures = this.#sinks.length === 0 ? undefined : new Measures(this.#sinks);
    this.#on = this.#tracer !== undefined || this.#measures !== undefined;
  }

  /**
   * A message's turn has come. `mode` undefined: a delayed transition, or what else an actor does of itself.
   * `trace` is the envelope's; without a tracer here it is handed on as it came.
   */
  handling(address: string, type: string, trace?: string, mode?: Envelope['mode']): Handling {
    if (!this.#on) return trace === undefined ? UNTRACED : new PassedOn(trace);
    const kind = kindOf(address);
    const span = this.#tracer && this.#startSpan(this.#tracer, kind, address, type, trace, mode);
    return new Measurement(kind, type, trace, span, this.#measures, this.#now);
  }

  /** A message did not come into the mailbox. */
  refused(address: string, { code }: { readonly code: string }): void {
    this.#measures?.messages(1, [kindOf(address), code]);
  }

  /** An actor failed, or a message found nobody: a failure report. */
  failed({ address, error, outcome }: Failure): void {
    if (this.#measures === undefined) return;
    const kind = kindOf(address);
    this.#measures.failures(1, [kind, outcome, error.code]);
    if (outcome === 'restarted') this.#measures.restarts(1, [kind]);
  }

  command(kind: string, outcome: CommandOutcome): void {
    this.#measures?.commands(1, [kind, outcome]);
  }

  /** Has gauges read who is in memory and what waits for them. `actors` is called each time metrics are collected. */
  observeActors(actors: () => Iterable<Measured>): void {
    const perKind = (of: (found: Tally) => number) => () =>
      [...tally(actors())].map(([kind, found]): Observation => [of(found), [kind]]);
    this.#gauge(
      METRICS.live,
      perKind(({ live }) => live),
    );
    this.#gauge(
      METRICS.mailbox,
      perKind(({ waiting }) => waiting),
    );
    this.#gauge(
      METRICS.fullest,
      perKind(({ most }) => most),
    );
  }

  /** Has a gauge read how long the node's lease is still good for, ms; undefined while it holds none. */
  observeLease(marginMs: () => number | undefined): void {
    this.#gauge(METRICS.leaseMargin, () => {
      const margin = marginMs();
      return margin === undefined ? [] : [[margin / 1000, [this.#node]]];
    });
  }

  /** The gauges let go of what they read. */
  close(): void {
    for (const end of this.#gauges.splice(0)) end();
  }

  #gauge(metric: MetricDescription, read: () => Iterable<Observation>): void {
    for (const sink of this.#sinks) this.#gauges.push(sink.gauge(metric, read));
  }

  #startSpan(
    tracer: Tracer,
    kind: string,
    address: string,
    type: string,
    trace: string | undefined,
    mode: Envelope['mode'] | undefined,
  ): Span {
    const parent = trace === undefined ? undefined : parseTrace(trace);
    const attributes = {
      'messaging.system': 'shadowgrid',
      'messaging.operation.type': 'process',
      'messaging.destination.name': address,
      'actor.kind': kind,
      'actor.message.type': type,
      'node.name': this.#node,
    };
    const context = parent === undefined ? ROOT_CONTEXT : traceApi.setSpanContext(ROOT_CONTEXT, parent);
    return tracer.startSpan(`${kind} ${type}`, { kind: spanKind(mode), attributes }, context);
  }
}

/** A server is one whose answer somebody waits for. */
function spanKind(mode: Envelope['mode'] | undefined): SpanKind {
  if (mode === undefined) return SpanKind.INTERNAL;
  return mode === 'tell' || mode === 'command' ? SpanKind.CONSUMER : SpanKind.SERVER;
}

function registeredTracer(): Tracer | undefined {
  const provider = traceApi.getTracerProvider();
  if (provider instanceof ProxyTracerProvider) return provider.getDelegateTracer(SCOPE);
  return provider.getTracer(SCOPE);
}

function registeredMeter(): MetricSink[] {
  const meter = metrics.getMeter(SCOPE);
  return meter === createNoopMeter() ? [] : [meterSink(meter)];
}
