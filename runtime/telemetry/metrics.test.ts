/** The runtime's metrics as an OpenTelemetry meter gets them. */
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { expect, test } from 'vitest';
import { METRICS, meterSink } from './metrics.ts';

test('an OpenTelemetry meter gets names, units, buckets and attributes', async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1_000_000 });
  const provider = new MeterProvider({ readers: [reader] });
  const sink = meterSink(provider.getMeter('test'));
  sink.counter(METRICS.messages)(2, ['job', 'handled']);
  sink.histogram(METRICS.handling)(0.004, ['job', 'place']);
  const end = sink.gauge(METRICS.live, () => [[5, ['job']]]);
  await provider.forceFlush();
  end();
  const found = exporter
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
  expect(found).toMatchObject([
    {
      descriptor: { name: 'actor.messages', unit: '{message}' },
      dataPoints: [{ value: 2, attributes: { 'actor.kind': 'job', 'actor.outcome': 'handled' } }],
    },
    {
      descriptor: { name: 'actor.handling.duration', unit: 's' },
      dataPoints: [
        {
          value: { count: 1, buckets: { boundaries: METRICS.handling.buckets } },
          attributes: { 'actor.kind': 'job', 'actor.message.type': 'place' },
        },
      ],
    },
    {
      descriptor: { name: 'actor.live', unit: '{actor}' },
      dataPoints: [{ value: 5, attributes: { 'actor.kind': 'job' } }],
    },
  ]);
  await provider.shutdown();
});
