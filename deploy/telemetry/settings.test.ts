/** OpenTelemetry's environment variables: what each asks for, and what is refused by name. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidTelemetrySetting } from './errors.ts';
import { telemetrySettings } from './settings.ts';

const ENDPOINT = 'http://127.0.0.1:4318';

describe('what the environment asks for', () => {
  test.each([
    ['nothing', {}],
    ['an empty endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: '' }],
    ['a disabled SDK', { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }],
    [
      'no exporters',
      { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' },
    ],
    ['a sampler, but no endpoint', { OTEL_TRACES_SAMPLER: 'always_on' }],
  ])('%s: nothing', (_, env) => expect(telemetrySettings(env)).toBeUndefined());

  test('an endpoint: both signals below it, all new traces', () => {
    expect(telemetrySettings({ OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT })).toEqual({
      serviceName: undefined,
      traces: { url: `${ENDPOINT}/v1/traces`, timeoutMillis: 5_000 },
      metrics: { url: `${ENDPOINT}/v1/metrics`, timeoutMillis: 5_000 },
      sampler: { parentBased: true, ratio: 1 },
      metricIntervalMs: 60_000,
      spanDelayMs: 5_000,
      spanQueue: 2_048,
    });
  });

  test("an endpoint's path is kept", () => {
    const found = telemetrySettings({ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector/otlp' });
    expect(found?.traces?.url).toBe('https://collector/otlp/v1/traces');
  });

  test('one signal only, at its own address as it stands', () => {
    const found = telemetrySettings({
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://127.0.0.1:9090/api/v1/otlp/v1/metrics',
      OTEL_SERVICE_NAME: 'grid',
      OTEL_EXPORTER_OTLP_TIMEOUT: '900',
      OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: '700',
    });
    expect(found).toMatchObject({
      serviceName: 'grid',
      traces: undefined,
      metrics: { url: 'http://127.0.0.1:9090/api/v1/otlp/v1/metrics', timeoutMillis: 700 },
    });
  });

  test.each([
    ['always_off', undefined, { parentBased: false, ratio: 0 }],
    ['traceidratio', '0.25', { parentBased: false, ratio: 0.25 }],
    ['parentbased_traceidratio', undefined, { parentBased: true, ratio: 1 }],
  ])('sampler %s, %s', (name, argument, sampler) => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT,
      OTEL_TRACES_SAMPLER: name,
      OTEL_TRACES_SAMPLER_ARG: argument,
    };
    expect(telemetrySettings(env)?.sampler).toEqual(sampler);
  });
});

describe('what cannot be followed', () => {
  test.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'localhost:4318'],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'collector'],
    ['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', 'ftp://collector'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_TRACES_EXPORTER', 'zipkin'],
    ['OTEL_TRACES_SAMPLER', 'toString'],
    ['OTEL_METRIC_EXPORT_INTERVAL', '1 min'],
    ['OTEL_BSP_MAX_QUEUE_SIZE', '0'],
  ])('%s=%s is named', (variable, value) => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, [variable]: value };
    expect(() => telemetrySettings(env)).toThrow(
      expect.objectContaining({ code: 'invalid-telemetry-setting', field: variable }),
    );
  });

  test('a share beyond 1 is named', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT,
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '25',
    };
    expect(() => telemetrySettings(env)).toThrow(/OTEL_TRACES_SAMPLER_ARG/);
  });

  test('any endpoint is followed or refused with a typed error', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((rest) => `http://${rest}`),
        ),
        (text) => {
          try {
            telemetrySettings({ OTEL_EXPORTER_OTLP_ENDPOINT: text });
          } catch (error) {
            expect(error).toBeInstanceOf(InvalidTelemetrySetting);
          }
        },
      ),
    );
  });
});
