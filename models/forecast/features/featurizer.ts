/** Streaming, causal features of one series: what a forecaster knows of it, scaled to the series' own range. */
import { History } from './history.ts';
import { nearestPaths, type Paths } from './neighbours.ts';
import { type Recurrence, recurrence } from './recurrence.ts';
import { Seasonality } from './seasonality.ts';
import { Segmenter } from './segments.ts';

/** Changes whenever a feature changes its meaning: a model trained on another version is refused. */
export const FEATURES_VERSION = 1;

/** Names of the features of the present, in order. All lie in [-4, 4]. */
export const STATE_FEATURES = [
  'value',
  'change1',
  'change4',
  'phaseLevel',
  'age',
  'logAge',
  'previousLevel',
  'secondPreviousLevel',
  'previousDuration',
  'support',
  'spread',
  'remaining',
  'nextLevel',
  'changedBy4',
  'changedBy16',
  'noise',
  'span',
  'base',
  'period',
  'periodConfidence',
  'neighbourDistance',
  'censored',
  'censoredLately',
  'missing',
  'seen',
] as const;

/** Candidates per step ahead besides the recurrence quantiles: values that demand may take there. */
export const CANDIDATES = [
  'value',
  'phaseLevel',
  'noiseLow',
  'noiseHigh',
  'near',
  'nearLow',
  'nearHigh',
  'seasonal',
  'low',
  'high',
] as const;

/** Steps over which a series' range is taken. */
const RANGE_STEPS = 480;
/** Least range, as a share of the scale: differences below it are noise. */
const LEAST_RANGE = 0.04;

/** Half-width of the noise band, mean absolute deviations. */
const NOISE_BAND = 3;

/** How features of one series are mapped to the unit range and back: value = base + span * feature. */
export interface Frame {
  readonly base: number;
  readonly span: number;
}

export class Featurizer {
  readonly #scale: number;
  readonly #taus: readonly number[];
  readonly #horizon: number;
  readonly #history = new History();
  readonly #logAges = new History();
  readonly #phases = new Segmenter();
  readonly #seasonality = new Seasonality();
  readonly #paths: Paths;
  readonly #recurrence: Recurrence;
  #censoredLately = 0;

  constructor(scale: number, taus: readonly number[], horizon: number) {
    this.#scale = scale;
    this.#taus = taus;
    this.#horizon = horizon;
    this.#paths = {
      mean: new Float32Array(horizon),
      low: new Float32Array(horizon),
      high: new Float32Array(horizon),
    };
    this.#recurrence = {
      quantiles: new Float32Array(taus.length * horizon),
      changed: new Float32Array(horizon),
    };
  }

  /** Width of one row of {@link push}'s `ahead`: recurrence quantiles, candidates, probability of a change. */
  static aheadWidth(quantiles: number): number {
    return quantiles + CANDIDATES.length + 1;
  }

  /**
   * Takes the newest value (NaN = missing) and writes the features that follow from it: `state`
   * [STATE_FEATURES.length] and `ahead` [horizon][aheadWidth] row-major. Returns the frame they are scaled by.
   */
  push(value: number, censored: boolean, state: Float32Array, ahead: Float32Array): Frame {
    const history = this.#history;
    const missing = !Number.isFinite(value);
    const last = history.count > 0 ? history.at(history.count - 1) : 0;
    history.push(missing ? last : Math.max(0, value));
    const now = history.count - 1;
    const range = history.range(RANGE_STEPS);
    const span = Math.max(range.high - range.low, LEAST_RANGE * this.#scale);
    const frame = { base: range.low, span };
    const recent = history.range(RANGE_STEPS / 2);
    const floor = 0.5 * LEAST_RANGE * this.#scale;
    this.#phases.push(now, history.at(now), censored, recent.high - recent.low, floor);
    this.#logAges.push(Math.log(now - this.#phases.start + 2));
    this.#seasonality.update(history);
    this.#censoredLately = 0.9 * this.#censoredLately + (censored ? 0.1 : 0);
    const distance = nearestPaths(history, this.#logAges, span, this.#paths);
    const summary = recurrence(history, this.#phases, frame.base, span, this.#taus, this.#recurrence);
    const phases = this.#phases;
    const scaled = (level: number): number => (level - frame.base) / span;
    const age = now - phases.start + 1;
    const before = phases.ended.at(-1);
    const features: Record<(typeof STATE_FEATURES)[number], number> = {
      value: scaled(history.at(now)),
      change1: (history.at(now) - history.at(Math.max(history.first, now - 1))) / span,
      change4: (history.at(now) - history.at(Math.max(history.first, now - 4))) / span,
      phaseLevel: scaled(phases.level),
      age: age / 32,
      logAge: Math.log(age) / 3,
      previousLevel: scaled(before?.level ?? phases.level),
      secondPreviousLevel: scaled(phases.ended.at(-2)?.level ?? phases.level),
      previousDuration: Math.log((before?.duration ?? 0) + 1) / 3,
      support: Math.min(4, summary.support),
      spread: 4 * summary.spread,
      remaining: summary.remaining / 32,
      nextLevel: scaled(summary.nextLevel),
      changedBy4: this.#recurrence.changed[Math.min(3, this.#horizon - 1)]!,
      changedBy16: this.#recurrence.changed[this.#horizon - 1]!,
      noise: (10 * phases.noise) / span,
      span: span / this.#scale,
      base: frame.base / this.#scale,
      period: this.#seasonality.period / 60,
      periodConfidence: this.#seasonality.confidence,
      neighbourDistance: 4 * distance,
      censored: censored ? 1 : 0,
      censoredLately: this.#censoredLately,
      missing: missing ? 1 : 0,
      seen: Math.min(1, history.count / 240),
    };
    STATE_FEATURES.forEach((name, i) => {
      state[i] = Math.min(4, Math.max(-4, features[name]));
    });
    this.#writeAhead(ahead, scaled, scaled(recent.low), scaled(recent.high));
    return frame;
  }

  #writeAhead(ahead: Float32Array, scaled: (level: number) => number, low: number, high: number): void {
    const history = this.#history;
    const value = scaled(history.at(history.count - 1));
    const { quantiles, changed } = this.#recurrence;
    let at = 0;
    const put = (feature: number): void => {
      ahead[at] = feature;
      at++;
    };
    for (let h = 0; h < this.#horizon; h++) {
      for (let q = 0; q < this.#taus.length; q++) put(scaled(quantiles[q * this.#horizon + h]!));
      put(value);
      put(scaled(this.#phases.level));
      put(scaled(this.#phases.level - NOISE_BAND * this.#phases.noise));
      put(scaled(this.#phases.level + NOISE_BAND * this.#phases.noise));
      put(scaled(this.#paths.mean[h]!));
      put(scaled(this.#paths.low[h]!));
      put(scaled(this.#paths.high[h]!));
      put(scaled(this.#seasonality.lookup(history, h)));
      put(low);
      put(high);
      put(changed[h]!);
    }
  }
}
