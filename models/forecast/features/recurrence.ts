/**
 * What followed earlier phases that resemble the one under way, aligned on transitions, so that jitter of durations
 * does not blur it: a weighted set of paths, read out as quantiles per step ahead.
 *
 * Every earlier phase j that matches votes with its duration d_j, spread by a triangular kernel because the next
 * phase is another draw. Durations that the present phase has already outlasted drop out (Bayes), the rest say how
 * likely the change is by each step; after the change the path is what came after j.
 */
import type { History } from './history.ts';
import type { Segment, Segmenter } from './segments.ts';

/** Kernel offsets, in half-widths, with triangular weights. */
const OFFSETS = [-0.9, -0.7, -0.5, -0.3, -0.1, 0.1, 0.3, 0.5, 0.7, 0.9];
const BINS = 24;
/** How closely levels must agree, in units of the span. */
const LEVEL_WIDTH = 0.16;
const CONTEXT_WIDTH = 0.22;
/** How closely the logarithm of the previous phase's duration must agree. */
const DURATION_WIDTH = 0.45;
/** Weight of a vote falls by this factor per phase gone by. */
const RECENCY = 0.97;
/** Weight of the path that stays where it is, so that there always is one. */
const PERSIST = 0.03;

export interface Recurrence {
  /** [quantiles][horizon] row-major. */
  readonly quantiles: Float32Array;
  /** Probability that the present phase has ended by each step ahead. */
  readonly changed: Float32Array;
}

export interface RecurrenceSummary {
  /** Sum of the matches' weights, 1 for a perfect one. */
  readonly support: number;
  /** Expected steps until the present phase ends; the longest horizon looked at when unknown. */
  readonly remaining: number;
  /** Spread (standard deviation of the logarithm) of the matching durations. */
  readonly spread: number;
  /** Mean level of the phases that followed. */
  readonly nextLevel: number;
}

interface Match {
  readonly weight: number;
  readonly duration: number;
  /** First step after the matching phase. */
  readonly end: number;
  readonly nextLevel: number;
}

/** `base` and `span` are the series' lower end and range; `taus` the quantile levels. Writes into `out`. */
export function recurrence(
  history: History,
  phases: Segmenter,
  base: number,
  span: number,
  taus: readonly number[],
  out: Recurrence,
): RecurrenceSummary {
  const horizon = out.changed.length;
  const now = history.count - 1;
  const age = now - phases.start + 1;
  const matches = matchesOf(history, phases, span, age);
  const support = matches.reduce((sum, match) => sum + match.weight, 0);
  const { spread, width } = durationSpread(matches, support);
  const bins = new Float64Array(horizon * BINS);
  const sums = new Float64Array(horizon * BINS);
  const value = history.at(now);
  let [remaining, total, next] = [0, 0, 0];
  out.changed.fill(0);
  const follow = (match: Match | undefined, duration: number, weight: number): void => {
    total += weight;
    remaining += weight * Math.min(240, duration - age);
    for (let h = 0; h < horizon; h++) {
      const after = Math.ceil(age + h + 1 - duration) - 1;
      const changed = match !== undefined && after >= 0;
      const path = changed ? history.at(Math.min(now, match.end + after)) : value;
      if (changed) out.changed[h] = out.changed[h]! + weight;
      const place = ((path - base) / span + 0.1) / 1.2;
      const bin = h * BINS + Math.min(BINS - 1, Math.max(0, Math.floor(place * BINS)));
      bins[bin] = bins[bin]! + weight;
      sums[bin] = sums[bin]! + weight * path;
    }
  };
  for (const match of matches) {
    next += match.weight * match.nextLevel;
    const half = Math.max(1.5, width * match.duration);
    for (const offset of OFFSETS) {
      const duration = match.duration + offset * half;
      if (duration >= age) follow(match, duration, (match.weight * (1 - Math.abs(offset))) / 5);
    }
    // Outlasted: it may still end any moment, ever less likely.
    const over = age - match.duration - half;
    if (over > 0) follow(match, age + 0.15 * half, 0.15 * match.weight * Math.exp(-over / half));
  }
  follow(undefined, age + 240, PERSIST);
  for (let h = 0; h < horizon; h++) out.changed[h] = out.changed[h]! / total;
  readQuantiles(bins, sums, total, taus, out.quantiles);
  return {
    support,
    remaining: remaining / total,
    spread,
    nextLevel: support > 0 ? next / support : phases.level,
  };
}

function matchesOf(history: History, phases: Segmenter, span: number, age: number): Match[] {
  const { ended } = phases;
  const matches: Match[] = [];
  const [before, earlier, third] = [ended.at(-1), ended.at(-2), ended.at(-3)];
  for (let j = ended.length - 1, gone = 0; j >= 1; j--, gone++) {
    const candidate = ended[j]!;
    const end = candidate.start + candidate.duration;
    if (end < history.first) break;
    // A young phase's level is still uncertain.
    const width = age < 3 ? 1.6 * LEVEL_WIDTH : LEVEL_WIDTH;
    const weight =
      RECENCY ** gone *
      closeness((candidate.level - phases.level) / span / width) *
      alike(before, ended[j - 1], span, 1) *
      alike(earlier, ended[j - 2], span, 1.3) *
      alike(third, ended[j - 3], span, 2);
    if (weight < 0.01) continue;
    const nextLevel = ended[j + 1]?.level ?? phases.level;
    matches.push({ weight, duration: candidate.duration, end, nextLevel });
  }
  return matches;
}

/** Agreement of two phases in level and duration; a missing one counts half. */
function alike(a: Segment | undefined, b: Segment | undefined, span: number, slack: number): number {
  if (!a || !b) return 0.5;
  const level = (a.level - b.level) / span / (CONTEXT_WIDTH * slack);
  // The first phase was cut off by the start of the recording: its duration says nothing.
  const known = a.start > 0 && b.start > 0;
  const duration = known ? Math.log((a.duration + 1) / (b.duration + 1)) / (DURATION_WIDTH * slack) : 0;
  return closeness(level) * closeness(duration);
}

function closeness(distance: number): number {
  return Math.exp(-distance * distance);
}

/** Spread of log durations around their mean, shrunk towards what +-10 % jitter gives, and the kernel's half-width. */
function durationSpread(
  matches: readonly Match[],
  support: number,
): { readonly spread: number; readonly width: number } {
  const priorWeight = 1.5;
  const prior = 0.06;
  let mean = 0;
  for (const { weight, duration } of matches) mean += weight * Math.log(duration);
  mean /= Math.max(1e-9, support);
  let square = priorWeight * prior * prior;
  for (const { weight, duration } of matches) square += weight * (Math.log(duration) - mean) ** 2;
  const spread = Math.min(0.5, Math.sqrt(square / (priorWeight + support)));
  // One draw around another differs by up to the full range; many draws already show the range themselves.
  const width = spread * (1.6 + 1.7 / Math.max(1, support));
  return { spread, width };
}

function readQuantiles(
  bins: Float64Array,
  sums: Float64Array,
  total: number,
  taus: readonly number[],
  out: Float32Array,
): void {
  const horizon = bins.length / BINS;
  for (let h = 0; h < horizon; h++) {
    let [below, bin] = [0, h * BINS];
    const end = bin + BINS - 1;
    let level = 0;
    for (let q = 0; q < taus.length; q++) {
      while (bin < end && below + bins[bin]! < taus[q]! * total - 1e-9) {
        below += bins[bin]!;
        bin++;
      }
      if (bins[bin]! > 0) level = sums[bin]! / bins[bin]!;
      out[q * horizon + h] = level;
    }
  }
}
