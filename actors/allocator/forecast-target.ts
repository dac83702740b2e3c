/** The forecast policy's target: the highest forecast demand within the time a change needs to take effect. */
import type { DomainView, Policy, QuantileForecast, Target } from './view.ts';

/**
 * How far ahead each resource is provided for, ms: decision tick + time until the guest can use it
 * (quota 10 ms; a hot-plugged vCPU or virtio-mem block some 0.2-0.5 s under emulation), plus a step of margin.
 */
const LEAD_MS = { cores: 1_000, memoryMiB: 1_500 } as const;
/** On top of the forecast quantile: a share of it, and a constant for the guest's own housekeeping. */
const HEADROOM = {
  cores: { share: 0.06, constant: 0.05 },
  memoryMiB: { share: 0.05, constant: 12 },
} as const;
const RELEASE_PATIENCE_MS = { cores: 500, memoryMiB: 1_500 } as const;
/** Held back by its quota for more than this share of a step, or with less memory left than this, MiB ... */
const HELD_BACK = { share: 0.05, leftMiB: 8 } as const;
/** ... demand is beyond what can be seen, so go up by a factor. */
const HELD_BACK_RAISE = { cores: 1.5, memoryMiB: 1.25 } as const;

export function forecastTarget(
  resource: 'cores' | 'memoryMiB',
  view: DomainView,
  policy: Policy,
): Target | undefined {
  const use = resource === 'cores' ? view.useCores : view.useMemoryMiB;
  if (Number.isNaN(use)) return undefined;
  const { share, constant } = HEADROOM[resource];
  const patienceMs = RELEASE_PATIENCE_MS[resource];
  if (isHeldBack(resource, view)) {
    const value = Math.max(
      view.allocation[resource] * HELD_BACK_RAISE[resource],
      use * (1 + share) + constant,
    );
    return { value, patienceMs, reason: { rule: 'held-back', use, demand: value } };
  }
  const forecast = resource === 'cores' ? view.cores : view.memory;
  const peak = forecast && peakWithin(forecast, policy.confidence, LEAD_MS[resource]);
  // Never below what is used now, whatever the forecast says.
  const demand = Math.max(use, peak?.value ?? use);
  return {
    value: demand * (1 + share) + constant,
    patienceMs,
    reason: {
      rule: 'forecast',
      use,
      demand,
      ...(peak && { quantile: policy.confidence, aheadMs: peak.aheadMs }),
    },
  };
}

function isHeldBack(resource: 'cores' | 'memoryMiB', view: DomainView): boolean {
  if (resource === 'cores') return view.throttled > HELD_BACK.share;
  return view.allocation.memoryMiB - view.useMemoryMiB < HELD_BACK.leftMiB;
}

/** The highest value of the `confidence` quantile within `leadMs`, and how far ahead it is. */
export function peakWithin(
  forecast: QuantileForecast,
  confidence: number,
  leadMs: number,
): { readonly value: number; readonly aheadMs: number } {
  const steps = Math.min(forecast.horizon, Math.max(1, Math.ceil(leadMs / forecast.stepMs)));
  let value = Number.NEGATIVE_INFINITY;
  let aheadMs = 0;
  for (let h = 0; h < steps; h++) {
    const v = quantileAt(forecast, h, confidence);
    if (v > value) {
      value = v;
      aheadMs = (h + 1) * forecast.stepMs;
    }
  }
  return { value, aheadMs };
}

/** The forecast's value at `confidence` for step `h`, linear between the model's quantiles, flat beyond them. */
export function quantileAt(forecast: QuantileForecast, h: number, confidence: number): number {
  const { quantiles, values } = forecast;
  const row = h * quantiles.length;
  let upper = 0;
  while (upper < quantiles.length && (quantiles[upper] ?? 1) < confidence) upper++;
  if (upper === 0) return values[row] ?? Number.NaN;
  if (upper === quantiles.length) return values[row + upper - 1] ?? Number.NaN;
  const q0 = quantiles[upper - 1]!;
  const q1 = quantiles[upper]!;
  const v0 = values[row + upper - 1]!;
  const v1 = values[row + upper]!;
  return v0 + ((v1 - v0) * (confidence - q0)) / (q1 - q0);
}
