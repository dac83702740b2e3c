/** One domain in the allocator's care: its steps, its allocation, what is under way; asks `decide` each tick. */
import type { Allocation, Directive, Settlement } from '../host/mod.ts';
import { decide } from './decide.ts';
import { type Step, StepAggregator } from './step-aggregator.ts';
import type { DomainView, Patience, Policy, QuantileForecast } from './view.ts';

/** What the allocator is told about a domain it shall care for. */
export interface WardSpec {
  readonly jobId: string;
  readonly domain: string;
  readonly host: string;
  readonly policy: Policy;
  readonly allocation: Allocation;
  readonly floor: Allocation;
  readonly limit: Allocation;
  /** Directives are only told, not carried out. */
  readonly dryRun: boolean;
}

/** A directive without an answer for so long is given up, ms. */
const ANSWER_WITHIN_MS = 5_000;
/** After a refusal or failure the resource is left alone for so long, ms. */
const BACK_OFF_MS = 1_000;
/** A guest that was told to give memory or a vCPU back is busy with it for so long, ms. */
const SHRINKS_WITHIN_MS = 750;
/** At this share of its limit a domain's use says no more than "at least". */
const CENSORED_AT = 0.97;

export class Ward {
  readonly spec: WardSpec;
  readonly aggregator = new StepAggregator();
  #allocation: Allocation;
  #patience: Patience = {};
  /** Resource -> until when it is not to be touched. */
  readonly #busy = new Map<string, number>();
  /** What the guest's kernel keeps for itself: domain memory less MemTotal, MiB. */
  #kernelMiB = Number.NaN;
  #step: Step | undefined;
  /** Until when the guest is busy giving memory or a vCPU back, ms. */
  #shrinkingUntil = Number.NEGATIVE_INFINITY;

  constructor(spec: WardSpec) {
    this.spec = spec;
    this.#allocation = spec.allocation;
  }

  get allocation(): Allocation {
    return this.#allocation;
  }

  get step(): Step | undefined {
    return this.#step;
  }

  /** Closes the step. Values for the forecaster: cores and memory used, each NaN if unknown. */
  tick(): { readonly cores: number; readonly memoryMiB: number; readonly coresCensored: boolean } {
    const step = this.aggregator.take();
    this.#step = step;
    // Measured once: after a resize the guest plugs memory for a while, and what is still missing then is not the kernel's.
    if (Number.isNaN(this.#kernelMiB)) this.#kernelMiB = this.#allocation.memoryMiB - step.memoryTotalMiB;
    const ceiling = Math.min(this.#allocation.cores, this.#allocation.vcpus);
    return {
      cores: step.cores,
      memoryMiB: step.memoryUsedMiB,
      coresCensored: step.throttled > 0.02 || step.cores > ceiling * CENSORED_AT,
    };
  }

  /** Directives to give now. Forecasts are of the values that {@link tick} returned. */
  decide(
    cores: QuantileForecast | undefined,
    memory: QuantileForecast | undefined,
    now: number,
    nextId: () => string,
  ): Directive[] {
    const step = this.#step;
    if (step === undefined) return [];
    const kernel = this.#kernelMiB;
    const view: DomainView = {
      useCores: step.cores,
      useMemoryMiB: step.memoryUsedMiB + kernel,
      throttled: step.throttled,
      allocation: this.#allocation,
      shrinking: now < this.#shrinkingUntil,
      floor: this.spec.floor,
      limit: this.spec.limit,
      cores,
      memory: memory && shifted(memory, kernel),
    };
    const { changes, patience } = decide(view, this.spec.policy, this.#patience, now);
    this.#patience = patience;
    const { jobId, domain } = this.spec;
    return changes
      .filter((change) => (this.#busy.get(change.resource) ?? 0) <= now)
      .map((change) => {
        this.#busy.set(change.resource, now + ANSWER_WITHIN_MS);
        if (isShrink(change)) this.#shrinkingUntil = now + SHRINKS_WITHIN_MS;
        return { id: nextId(), jobId, domain, at: now, ...change };
      });
  }

  /** The host's answer to a directive. */
  settle({ directive, outcome, granted, at }: Settlement): void {
    this.#allocation = { ...this.#allocation, [directive.resource]: granted };
    if (isShrink(directive)) this.#shrinkingUntil = at + SHRINKS_WITHIN_MS;
    if (outcome === 'applied' || outcome === 'partial') this.#busy.delete(directive.resource);
    else this.#busy.set(directive.resource, at + BACK_OFF_MS);
  }
}

function isShrink({ resource, from, to }: Pick<Directive, 'resource' | 'from' | 'to'>): boolean {
  return resource !== 'cores' && to < from;
}

/** The forecast of used memory as one of domain memory: the kernel's share added. */
function shifted(forecast: QuantileForecast, by: number): QuantileForecast {
  return { ...forecast, values: forecast.values.map((value) => value + by) };
}
