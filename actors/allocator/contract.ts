/** What the allocator actor and its worker say to each other. */
import type { NatsOptions } from '../../runtime/mod.ts';
import type { Directive, Settlement } from '../host/mod.ts';
import type { WardSpec } from './ward.ts';

export interface OpenOptions {
  /** Where the worker hears telemetry and tells forecasts; on a secured NATS, as a user of the role `telemetry`. */
  readonly nats: WorkerNats;
  /** Path of the shipped model; without it shadows forecast by persistence. */
  readonly modelPath: string | undefined;
  readonly stepMs: number;
}

/** Plain values only: they are sent to the worker. */
export type WorkerNats = Omit<NatsOptions, 'connection'>;

export interface AllocatorWorkerContract {
  readonly calls: {
    open(options: OpenOptions): { readonly forecaster: string };
    track(ward: WardSpec): void;
    untrack(jobId: string): void;
    settle(settlement: Settlement): void;
  };
  readonly events: {
    directives: readonly Directive[];
    /** The model could not be used, and what is used instead. */
    degraded: { readonly reason: string };
  };
}

/** Columns of a forecast frame: one row per job, published each step on `shadowgrid.forecast.<host>`. */
export const FORECAST_COLUMNS = [
  /** Use over the last step. */
  'useCores',
  'useMemoryMiB',
  /** Share of the last step held back by the quota. */
  'throttled',
  /** Allocation now. */
  'cores',
  'vcpus',
  'memoryMiB',
  /** Forecast peak within the next second: median and the policy's quantile. */
  'medianCores',
  'upperCores',
  'medianMemoryMiB',
  'upperMemoryMiB',
] as const;

export const telemetrySubject = (host: string) => `shadowgrid.telemetry.${host}`;
export const forecastSubject = (host: string) => `shadowgrid.forecast.${host}`;
