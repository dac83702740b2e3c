/** Spans and metrics of handled messages, with and without an OpenTelemetry SDK. */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { describe, expect, test } from 'vitest';
import { ActorFailed, MailboxFull } from '../errors.ts';
import { ActorTelemetry } from './actor-telemetry.ts';
import type { MetricSink, Observation } from './metrics.ts';

describe('nothing is registered', () => {
  const telemetry = new ActorTelemetry({ node: 'n1' });

  test('a trace is handed on as it came', () => {
    const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const handling = telemetry.handling('job/j-1', 'place', parent);
    expect(handling.trace).toBe(parent);
    handling.end();
    expect(telemetry.handling('job/j-1', 'place').trace).toBeUndefined();
  });

  test('everything else may be told all the same', () => {
    telemetry.refused('job/j-1', new MailboxFull('job/j-1', 5));
    telemetry.command('job', 'done');
    telemetry.observeActors(() => []);
    telemetry.close();
  });
});

describe('spans', () => {
  test('a message is a span, child of the one it was sent in', () => {
    const { telemetry, spans } = tracing();
    const first = telemetry.handling('job/j-1', 'place', undefined, 'ask');
    const second = telemetry.handling('host/vm', 'book', first.trace, 'tell');
    second.end();
    first.end();
    const [child, parent] = spans();
    expect(child).toMatchObject({
      name: 'host book',
      kind: SpanKind.CONSUMER,
      attributes: {
        'messaging.system': 'shadowgrid',
        'messaging.operation.type': 'process',
        'messaging.destination.name': 'host/vm',
        'actor.kind': 'host',
        'actor.message.type': 'book',
        'node.name': 'n1',
      },
    });
    expect(parent).toMatchObject({ name: 'job place', kind: SpanKind.SERVER, parentSpanContext: undefined });
    expect(child?.parentSpanContext).toMatchObject({ spanId: parent?.spanContext().spanId, isRemote: true });
    expect(child?.spanContext().traceId).toBe(parent?.spanContext().traceId);
  });

  test('an error is told with its code', () => {
    const { telemetry, spans } = tracing();
    const error = new ActorFailed('job/j-1', new Error('oops'));
    telemetry.handling('job/j-1', 'place').end(error);
    expect(spans()).toMatchObject([
      {
        kind: SpanKind.INTERNAL,
        status: { code: SpanStatusCode.ERROR, message: error.message },
        attributes: { 'error.type': 'actor-failed' },
      },
    ]);
  });

  test('a trace that is none begins a new one', () => {
    const { telemetry, spans } = tracing();
    telemetry.handling('job/j-1', 'place', 'nonsense').end();
    expect(spans()[0]?.parentSpanContext).toBeUndefined();
  });

  test('of a trace that is not sampled nothing is kept, and those who follow are told so', () => {
    const { telemetry, spans } = tracing(new AlwaysOffSampler());
    const handling = telemetry.handling('job/j-1', 'place');
    expect(handling.trace).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    handling.end();
    expect(spans()).toEqual([]);
  });

  test('the tracer registered with the API is found', () => {
    const { provider, spans } = tracing();
    trace.setGlobalTracerProvider(provider);
    try {
      new ActorTelemetry({ node: 'n1' }).handling('job/j-1', 'place').end();
    } finally {
      trace.disable();
    }
    expect(spans()).toHaveLength(1);
    expect(trace.getSpan(ROOT_CONTEXT)).toBeUndefined();
  });
});

describe('metrics', () => {
  test('messages, their time, failures and restarts are counted by kind', () => {
    const { sink, measured } = recording();
    let now = 1_000;
    const telemetry = new ActorTelemetry({ node: 'n1', metrics: [sink], now: () => now });
    const handling = telemetry.handling('job/j-1', 'place');
    now += 250;
    handling.end();
    const error = new ActorFailed('job/j-1', new Error('oops'));
    telemetry.handling('job/j-1', 'place').end(error);
    telemetry.refused('job/j-1', new MailboxFull('job/j-1', 5));
    telemetry.failed({ address: 'job/j-1', error, outcome: 'restarted' });
    telemetry.failed({ address: 'job/j-1', error, outcome: 'stopped' });
    telemetry.command('job', 'buried');
    expect(measured).toEqual([
      ['actor.messages', 1, 'job', 'handled'],
      ['actor.handling.duration', 0.25, 'job', 'place'],
      ['actor.messages', 1, 'job', 'actor-failed'],
      ['actor.handling.duration', 0, 'job', 'place'],
      ['actor.messages', 1, 'job', 'mailbox-full'],
      ['actor.failures', 1, 'job', 'restarted', 'actor-failed'],
      ['actor.restarts', 1, 'job'],
      ['actor.failures', 1, 'job', 'stopped', 'actor-failed'],
      ['commands.outcomes', 1, 'job', 'buried'],
    ]);
  });

  test('gauges read who lives, what waits and how long the lease is good for, until closed', () => {
    const { sink, gauges } = recording();
    const telemetry = new ActorTelemetry({ node: 'n1', metrics: [sink] });
    let margin: number | undefined;
    telemetry.observeLease(() => margin);
    telemetry.observeActors(() => [
      { address: 'job/a', waiting: 3 },
      { address: 'host/vm', waiting: 0 },
      { address: 'job/b', waiting: 4 },
    ]);
    expect(read(gauges)).toEqual({
      'node.lease.margin': [],
      'actor.live': [
        [2, ['job']],
        [1, ['host']],
      ],
      'actor.mailbox.depth': [
        [7, ['job']],
        [0, ['host']],
      ],
      'actor.mailbox.depth.max': [
        [4, ['job']],
        [0, ['host']],
      ],
    });
    margin = 7_500;
    expect(read(gauges)['node.lease.margin']).toEqual([[7.5, ['n1']]]);
    telemetry.close();
    expect(gauges.size).toBe(0);
  });

  test('all sinks are told', () => {
    const [one, other] = [recording(), recording()];
    new ActorTelemetry({ node: 'n1', metrics: [one.sink, other.sink] }).handling('job/j-1', 'place').end();
    expect(one.measured).toHaveLength(2);
    expect(other.measured.map(([name]) => name)).toEqual(one.measured.map(([name]) => name));
  });
});

function tracing(sampler?: AlwaysOffSampler) {
  const exporter = new InMemorySpanExporter();
  const spanProcessors = [new SimpleSpanProcessor({ exporter })];
  const provider = new TracerProvider({ spanProcessors, ...(sampler && { sampler }) });
  const telemetry = new ActorTelemetry({ node: 'n1', tracer: provider.getTracer('test') });
  return { telemetry, provider, spans: () => exporter.getFinishedSpans() };
}

function recording() {
  const measured: unknown[][] = [];
  const gauges = new Map<string, () => Iterable<Observation>>();
  const measure =
    ({ name }: { readonly name: string }) =>
    (value: number, labels: readonly string[]) =>
      void measured.push([name, value, ...labels]);
  const sink: MetricSink = {
    counter: measure,
    histogram: measure,
    gauge: ({ name }, observe) => {
      gauges.set(name, observe);
      return () => void gauges.delete(name);
    },
  };
  return { sink, measured, gauges };
}

function read(gauges: ReadonlyMap<string, () => Iterable<Observation>>) {
  return Object.fromEntries([...gauges].map(([name, observe]) => [name, [...observe()]]));
}
