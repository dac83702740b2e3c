/** What OpenTelemetry's environment variables ask for. */
import { InvalidTelemetrySetting } from './errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Headers, compression, certificates and further resource attributes are read by OpenTelemetry's own packages
 * from the same variables.
 */
export interface TelemetrySettings {
  readonly serviceName: string | undefined;
  /** Where traces go; undefined: nowhere. */
  readonly traces: Destination | undefined;
  readonly metrics: Destination | undefined;
  readonly sampler: SamplerSettings;
  /** Time between two exports of metrics, ms. */
  readonly metricIntervalMs: number;
  /** Longest time that an ended span waits for others before it is sent, ms. */
  readonly spanDelayMs: number;
  /** Ended spans beyond this many that wait are dropped. */
  readonly spanQueue: number;
}

export interface Destination {
  readonly url: string;
  /** Of one export with its retries, ms. */
  readonly timeoutMillis: number;
}

export interface SamplerSettings {
  /** Follow what the trace's beginning was given; `root` decides only about new traces. */
  readonly parentBased: boolean;
  /** Share of the traces, 0 to 1. */
  readonly ratio: number;
}

/**
 * Undefined when nothing is asked for, which is so unless an endpoint is named. An empty variable is as good as none.
 * Throws {@link InvalidTelemetrySetting}.
 */
export function telemetrySettings(env: Environment): TelemetrySettings | undefined {
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') return undefined;
  const traces = destination(env, 'TRACES', 'v1/traces');
  const metrics = destination(env, 'METRICS', 'v1/metrics');
  if (traces === undefined && metrics === undefined) return undefined;
  return {
    serviceName: env.OTEL_SERVICE_NAME || undefined,
    traces,
    metrics,
    sampler: sampler(env),
    metricIntervalMs: whole(env, 'OTEL_METRIC_EXPORT_INTERVAL', 60_000),
    spanDelayMs: whole(env, 'OTEL_BSP_SCHEDULE_DELAY', 5_000),
    spanQueue: whole(env, 'OTEL_BSP_MAX_QUEUE_SIZE', 2_048),
  };
}

/** Half of the specification's, ms: a process does not end before its last export. */
const TIMEOUT_MS = 5_000;

/** https://opentelemetry.io/docs/specs/otel/protocol/exporter/: the general endpoint gets the signal's path, its own does not. */
function destination(env: Environment, signal: 'TRACES' | 'METRICS', path: string): Destination | undefined {
  const exporter = env[`OTEL_${signal}_EXPORTER`] || 'otlp';
  if (exporter === 'none') return undefined;
  const own = endpoint(env, `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`);
  const general = endpoint(env, 'OTEL_EXPORTER_OTLP_ENDPOINT');
  if (own === undefined && general === undefined) return undefined;
  if (exporter !== 'otlp') {
    throw new InvalidTelemetrySetting(`OTEL_${signal}_EXPORTER`, exporter, 'otlp, or none');
  }
  for (const variable of [`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`, 'OTEL_EXPORTER_OTLP_PROTOCOL']) {
    const protocol = env[variable];
    if (protocol && protocol !== 'http/json' && protocol !== 'http/protobuf') {
      throw new InvalidTelemetrySetting(
        variable,
        protocol,
        'http/json or http/protobuf (JSON is sent for both), and the port of OTLP over HTTP, mostly 4318',
      );
    }
  }
  if (general !== undefined && !general.pathname.endsWith('/')) general.pathname += '/';
  const timeout = whole(env, 'OTEL_EXPORTER_OTLP_TIMEOUT', TIMEOUT_MS);
  return {
    url: (own ?? new URL(path, general)).href,
    timeoutMillis: whole(env, `OTEL_EXPORTER_OTLP_${signal}_TIMEOUT`, timeout),
  };
}

function endpoint(env: Environment, variable: string): URL | undefined {
  const text = env[variable]?.trim();
  if (!text) return undefined;
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new InvalidTelemetrySetting(variable, text, 'an address such as http://127.0.0.1:4318');
  }
  return url;
}

/** Names of https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/. */
const SAMPLERS: Readonly<Record<string, { readonly parentBased: boolean; readonly ratio?: number }>> = {
  always_on: { parentBased: false, ratio: 1 },
  always_off: { parentBased: false, ratio: 0 },
  traceidratio: { parentBased: false },
  parentbased_always_on: { parentBased: true, ratio: 1 },
  parentbased_always_off: { parentBased: true, ratio: 0 },
  parentbased_traceidratio: { parentBased: true },
};

function sampler(env: Environment): SamplerSettings {
  const name = env.OTEL_TRACES_SAMPLER || 'parentbased_always_on';
  const found = Object.hasOwn(SAMPLERS, name) ? SAMPLERS[name] : undefined;
  if (found === undefined) {
    throw new InvalidTelemetrySetting('OTEL_TRACES_SAMPLER', name, Object.keys(SAMPLERS).join(', '));
  }
  const { parentBased, ratio } = found;
  if (ratio !== undefined) return { parentBased, ratio };
  const text = env.OTEL_TRACES_SAMPLER_ARG || '1';
  const share = Number(text);
  if (!(share >= 0 && share <= 1)) {
    throw new InvalidTelemetrySetting('OTEL_TRACES_SAMPLER_ARG', text, 'a share of the traces, 0 to 1');
  }
  return { parentBased, ratio: share };
}

function whole(env: Environment, variable: string, unless: number): number {
  const text = env[variable]?.trim();
  if (!text) return unless;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1 || value > 2 ** 31 - 1) {
    throw new InvalidTelemetrySetting(variable, text, 'a whole number, at least 1');
  }
  return value;
}
