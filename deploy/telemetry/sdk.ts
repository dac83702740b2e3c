/** OpenTelemetry's SDK, sending OTLP over HTTP; imported only when somebody asked for it. */
import type { Meter, Tracer } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { SamplerSettings, TelemetrySettings } from './settings.ts';

export interface Sdk {
  readonly tracer: Tracer | undefined;
  readonly meter: Meter | undefined;
  /** Sends what waits, then nothing more. */
  shutdown(): Promise<void>;
}

const SCOPE = 'shadowgrid';

export function startSdk(settings: TelemetrySettings, node: string): Sdk {
  const { serviceName, metricIntervalMs } = settings;
  const resource = defaultResource()
    .merge(resourceFromAttributes({ 'service.name': SCOPE, 'service.instance.id': node }))
    .merge(detectResources({ detectors: [resourceAttributesEnvDetector] }))
    .merge(resourceFromAttributes(serviceName === undefined ? {} : { 'service.name': serviceName }));
  const traces =
    settings.traces === undefined
      ? undefined
      : new TracerProvider({
          resource,
          sampler: samplerOf(settings.sampler),
          spanProcessors: [
            new BatchSpanProcessor({
              exporter: new OTLPTraceExporter(settings.traces),
              scheduledDelayMillis: settings.spanDelayMs,
              maxQueueSize: settings.spanQueue,
              maxExportBatchSize: Math.min(settings.spanQueue, 512),
            }),
          ],
        });
  const metrics =
    settings.metrics === undefined
      ? undefined
      : new MeterProvider({
          resource,
          readers: [
            new PeriodicExportingMetricReader({
              exporter: new OTLPMetricExporter(settings.metrics),
              exportIntervalMillis: metricIntervalMs,
              exportTimeoutMillis: Math.min(metricIntervalMs, 30_000),
            }),
          ],
        });
  return {
    tracer: traces?.getTracer(SCOPE),
    meter: metrics?.getMeter(SCOPE),
    shutdown: async () => void (await Promise.allSettled([traces?.shutdown(), metrics?.shutdown()])),
  };
}

function samplerOf({ parentBased, ratio }: SamplerSettings): Sampler {
  const root = new TraceIdRatioBasedSampler(ratio);
  return parentBased ? new ParentBasedSampler({ root }) : root;
}
