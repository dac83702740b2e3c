/** CPU bandwidth in cores as libvirt's whole-domain quota and period. */
import type { TypedParameter, TypedParameters } from './binding/mod.ts';

/**
 * Period of the quota, microseconds. The kernel hands quota to each CPU in slices of 5 ms: with a period of 20 ms a
 * tenth of what was allowed is lost in leftovers, with 50 ms less than 1 % (measured), and a guest that ran out waits
 * at most 50 ms for the next period.
 */
const PERIOD_US = 50_000;
/** The kernel's smallest quota. */
const MIN_QUOTA_US = 1000;
/**
 * Weight of a domain beside other users of the host; valid as cgroup v1 shares (of 1024) and as v2 weight (of 100).
 * Low, so that guests at full load do not starve the processes that manage them.
 */
const CPU_SHARES = 64;
/** The least that cgroup v1 takes. */
const MIN_SHARES = 2;

/** Weight and quota as elements of a domain's `<cputune>`. */
export function bandwidthElements(cores: number): string {
  return [
    `<shares>${CPU_SHARES}</shares><global_period>${PERIOD_US}</global_period>`,
    `<global_quota>${quotaOf(cores)}</global_quota>`,
  ].join('');
}

export function bandwidthParameters(cores: number): TypedParameter[] {
  return [
    { name: 'global_period', type: 'ullong', value: PERIOD_US },
    { name: 'global_quota', type: 'llong', value: quotaOf(cores) },
  ];
}

/** `weight`: 100 is what every domain begins with. */
export function weightParameters(weight: number): TypedParameter[] {
  const shares = Math.max(MIN_SHARES, Math.round((CPU_SHARES * weight) / 100));
  return [{ name: 'cpu_shares', type: 'ullong', value: shares }];
}

/** Cores that the parameters allow; undefined if they set no limit. */
export function coresOf(parameters: TypedParameters): number | undefined {
  const { global_period: period, global_quota: quota } = parameters;
  if (typeof period !== 'number' || typeof quota !== 'number' || period <= 0 || quota <= 0) return undefined;
  // Beyond this the kernel means "no limit" (libvirt: 2^64 / 1000).
  return quota >= 1e13 ? undefined : quota / period;
}

function quotaOf(cores: number): number {
  return Math.max(MIN_QUOTA_US, Math.round(cores * PERIOD_US));
}
