/** What a forecast is worth to an allocator: rises covered before demand, lead time, slack and shortfall. */
import type { BatchForecaster } from './port.ts';
import type { Workload } from './workloads/generate.ts';
import type { Rise } from './workloads/phases.ts';

/** A rule that sets the allocation of the next step, once a step. */
export interface AllocationRule {
  /** `use` is what was used in the step just ended (at most the allocation). Resolves with the next allocation. */
  next(use: number, censored: boolean): Promise<number>;
}

export interface ProvisioningScore {
  readonly rises: number;
  /** Share of rises for which capacity was there before demand. */
  readonly risesCovered: number;
  /** How long before the rise it was there, median over covered rises, ms. */
  readonly leadP50Ms: number;
  /** Mean of allocation less use, in units of the scale. */
  readonly slack: number;
  /** Mean of demand less allocation where positive, in units of the scale. */
  readonly shortfall: number;
  /** Share of steps in which demand was held back. */
  readonly heldBack: number;
}

/** Capacity counts as there when it is this share of the level that demand rises to. */
const ENOUGH = 0.95;

/** Steps of 250 ms looked ahead, and headroom on the quantile, as the product's rule has them. */
const LOOK_AHEAD = 5;
const HEADROOM = 1.05;

/** Allocation = largest of one quantile over the next 1.25 s, with headroom; when held back, half as much again. */
export function forecastRule(forecaster: BatchForecaster, tau: number, scale: number): AllocationRule {
  const { quantiles } = forecaster.shape;
  const q = quantiles.indexOf(tau);
  if (q < 0) throw new RangeError(`the forecaster has no quantile ${tau}`);
  forecaster.track('provisioned', scale);
  return {
    async next(use, censored) {
      const forecast = await forecaster.step(Float32Array.of(use), Uint8Array.of(censored ? 1 : 0));
      let most = 0;
      for (let h = 0; h < LOOK_AHEAD; h++) most = Math.max(most, forecast[h * quantiles.length + q]!);
      return bounded(Math.max(HEADROOM * most, censored ? 1.5 * use : 0), scale);
    },
  };
}

/** Raises to use/0.6 when use passes 80 % of the allocation; lowers to use/0.6 after 2 s below 40 %. */
export function reactiveRule(scale: number, stepMs: number): AllocationRule {
  let allocation = 0.1 * scale;
  let quiet = 0;
  return {
    async next(use) {
      quiet = use < 0.4 * allocation ? quiet + 1 : 0;
      if (use > 0.8 * allocation || quiet * stepMs >= 2000) {
        allocation = bounded(use / 0.6, scale);
        quiet = 0;
      }
      return allocation;
    },
  };
}

/** Plays a workload against a rule: use is demand cut off at the allocation. Scores start after two whole cycles. */
export async function provision(
  workload: Workload,
  rule: AllocationRule,
  stepMs: number,
): Promise<ProvisioningScore> {
  const { demand, scale, rises, settled: from } = workload;
  const allocations = new Float32Array(demand.length);
  let allocation = 0.1 * scale;
  let [slack, shortfall, held] = [0, 0, 0];
  for (let step = 0; step < demand.length; step++) {
    allocations[step] = allocation;
    const wanted = demand[step]!;
    const use = Math.min(wanted, allocation);
    if (step >= from) {
      slack += (allocation - use) / scale;
      shortfall += (wanted - use) / scale;
      if (wanted > allocation) held++;
    }
    allocation = await rule.next(use, wanted >= 0.98 * allocation);
  }
  const leads = rises.filter(({ step }) => step >= from).map((rise) => lead(allocations, rise));
  const covered = leads.filter((steps) => steps > 0).sort((a, b) => a - b);
  const steps = demand.length - from;
  return {
    rises: leads.length,
    risesCovered: leads.length === 0 ? 1 : covered.length / leads.length,
    leadP50Ms: (covered[Math.floor(covered.length / 2)] ?? 0) * stepMs,
    slack: slack / steps,
    shortfall: shortfall / steps,
    heldBack: held / steps,
  };
}

/** Whole steps before the step of the rise at which capacity was there, and stayed; 0 if it came with the rise or later. */
function lead(allocations: Float32Array, { step, level }: Rise): number {
  let first = step;
  while (first >= 0 && allocations[first]! >= ENOUGH * level) first--;
  return Math.max(0, step - 1 - first);
}

/** Never nothing, never more than the limit (a tenth above the scale, for levels that jitter over it). */
function bounded(allocation: number, scale: number): number {
  return Math.min(1.1 * scale, Math.max(0.02 * scale, allocation));
}
