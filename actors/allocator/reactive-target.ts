/** The reactive policy's target, the control that forecasts are measured against: raise when use passes 80 %. */
import type { DomainView, Target } from './view.ts';

/** Use above this share of the allocation raises it. */
const RAISE_ABOVE = 0.8;
/** Use at the limit hides demand, so a raise is a factor, as autoscalers do it. */
const RAISE_BY = 1.5;
/** Use below this share for the patience lowers the allocation ... */
const LOWER_BELOW = 0.5;
/** ... to where use is this share of it. */
const SETTLE_AT = 0.65;
const LOWER_PATIENCE_MS = 2_000;

export function reactiveTarget(resource: 'cores' | 'memoryMiB', view: DomainView): Target | undefined {
  const use = resource === 'cores' ? view.useCores : view.useMemoryMiB;
  if (Number.isNaN(use)) return undefined;
  const allocation = view.allocation[resource];
  const target = (value: number, rule: 'reactive-raise' | 'reactive-lower') => ({
    value,
    patienceMs: LOWER_PATIENCE_MS,
    reason: { rule, use, demand: use },
  });
  if (use > allocation * RAISE_ABOVE) return target(allocation * RAISE_BY, 'reactive-raise');
  if (use < allocation * LOWER_BELOW) return target(use / SETTLE_AT, 'reactive-lower');
  return target(allocation, 'reactive-lower');
}
