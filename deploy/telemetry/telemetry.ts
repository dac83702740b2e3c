/** Starts what measures a node's actors: for the admin API's `/metrics` always, for a collector when one is named. */
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { Registry } from 'prom-client';
import { systemClock } from '../../runtime/mod.ts';
import { ActorTelemetry, meterSink } from '../../runtime/telemetry/mod.ts';
import { prometheusSink } from './prometheus.ts';
import type { Sdk } from './sdk.ts';
import { type Environment, telemetrySettings } from './settings.ts';

export interface TelemetryOptions {
  readonly node: string;
  readonly env: Environment;
  /** Told, at most once a minute, what keeps telemetry from its collector. */
  readonly onWarn: (message: string) => void;
  /** A collector that is away does not keep a node from stopping for longer, ms. Default 5000. */
  readonly flushMs?: number;
}

export interface Telemetry {
  /** For the actor system. */
  readonly actors: ActorTelemetry;
  /** Where Prometheus finds the same metrics. */
  readonly registry: Registry;
  /** Where traces and metrics are sent, if anywhere. */
  readonly sentTo: { readonly traces?: string | undefined; readonly metrics?: string | undefined };
  /** Sends what waits, for at most `flushMs`. */
  stop(): Promise<void>;
}

/** Throws `InvalidTelemetrySetting`. */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { node, env, onWarn, flushMs = 5_000 } = options;
  const settings = telemetrySettings(env);
  const registry = new Registry();
  const prometheus = prometheusSink(registry);
  let sdk: Sdk | undefined;
  if (settings !== undefined) {
    reportTrouble(onWarn);
    const { startSdk } = await import('./sdk.ts');
    sdk = startSdk(settings, node);
  }
  const metrics = sdk?.meter === undefined ? [prometheus] : [prometheus, meterSink(sdk.meter)];
  const actors = new ActorTelemetry({ node, tracer: sdk?.tracer, metrics });
  return {
    actors,
    registry,
    sentTo: { traces: settings?.traces?.url, metrics: settings?.metrics?.url },
    stop: async () => {
      if (sdk !== undefined && !(await within(sdk.shutdown(), flushMs))) {
        onWarn(`the last telemetry could not be sent within ${flushMs / 1000} s`);
      }
      actors.close();
      registry.clear();
      if (sdk !== undefined) diag.disable();
    },
  };
}

/** OpenTelemetry complains to its own logger, which by default is nobody. */
function reportTrouble(onWarn: TelemetryOptions['onWarn']): void {
  let next = 0;
  const warn = (trouble: string) => {
    const now = systemClock.now();
    if (now < next) return;
    next = now + 60_000;
    onWarn(`telemetry: ${messageOf(trouble)}`);
  };
  const silent = () => {};
  diag.setLogger(
    { error: warn, warn, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}

/** The SDK writes an error as JSON, with its stack. */
function messageOf(trouble: string): string {
  try {
    const { message } = JSON.parse(trouble) as { readonly message?: unknown };
    return typeof message === 'string' ? message : trouble;
  } catch {
    return trouble;
  }
}

/** False if it was not done in time. */
function within(work: Promise<void>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = systemClock.setTimeout(() => resolve(false), ms);
    void work.finally(() => {
      systemClock.clearTimeout(timer);
      resolve(true);
    });
  });
}
