/** What an allocation decision is made from, and what it yields: plain values, no I/O. */
import type { Allocation } from '../host/mod.ts';

/** Quantile forecast of one resource: values[h * quantiles.length + q], in the resource's unit. */
export interface QuantileForecast {
  readonly stepMs: number;
  readonly horizon: number;
  readonly quantiles: readonly number[];
  readonly values: Float32Array;
}

export type PolicyKind = 'forecast' | 'reactive' | 'fixed';

export interface Policy {
  readonly kind: PolicyKind;
  /** Quantile of forecast demand to provide for, 0.5 to 0.99. */
  readonly confidence: number;
}

/** One domain at one decision tick. */
export interface DomainView {
  /** Mean CPU use over the last step, cores. */
  readonly useCores: number;
  /** Memory the guest cannot do without, MiB of its domain (kernel included); NaN while unknown. */
  readonly useMemoryMiB: number;
  /** Share of the last step for which the quota held the domain back, 0 to 1. */
  readonly throttled: number;
  readonly allocation: Allocation;
  /** The guest is giving memory or a vCPU back just now. */
  readonly shrinking: boolean;
  /** The least and the most that decisions may give. */
  readonly floor: Allocation;
  readonly limit: Allocation;
  readonly cores: QuantileForecast | undefined;
  readonly memory: QuantileForecast | undefined;
}

export type Resource = 'cores' | 'vcpus' | 'memoryMiB';

/** Why a change is made: enough to explain it to a user long afterwards. */
export interface Reason {
  /** Rule that fired. */
  readonly rule: 'forecast' | 'held-back' | 'release' | 'reactive-raise' | 'reactive-lower';
  /** Use at the time, in the resource's unit. */
  readonly use: number;
  /** Demand that was provided for, before headroom. */
  readonly demand: number;
  /** Quantile and time ahead at which that demand is forecast, where a forecast decided. */
  readonly quantile?: number;
  readonly aheadMs?: number;
}

export interface Change {
  readonly resource: Resource;
  readonly from: number;
  readonly to: number;
  readonly reason: Reason;
}

/** What a decision remembers from tick to tick: since when each resource could be lowered, ms; undefined if it could not. */
export interface Patience {
  readonly cores?: number | undefined;
  readonly vcpus?: number | undefined;
  readonly memoryMiB?: number | undefined;
}

/** A wanted value of one resource. `patienceMs`: how long it must be wanted before the resource is lowered. */
export interface Target {
  readonly value: number;
  readonly patienceMs: number;
  readonly reason: Reason;
}
