/** Nearest earlier moments of a series by its last values and the age of its phase, and what followed them. */
import type { History } from './history.ts';

const WINDOW = 12;
const NEIGHBOURS = 6;
/** Least distance between two neighbours, steps. */
const APART = 4;
/** Weight of the phase's age against the values. */
const AGE_WEIGHT = 0.6;
/** Share of the level difference that is carried along the path. */
const SHIFT = 0.6;

/** Mean, least and greatest of the paths that followed, per step ahead. */
export interface Paths {
  readonly mean: Float32Array;
  readonly low: Float32Array;
  readonly high: Float32Array;
}

/**
 * Writes the paths into `out` (each of length horizon) and returns the mean distance of the neighbours in units of
 * `span`, or -1 when there is no earlier moment whose future is known; the paths are then the newest value.
 */
export function nearestPaths(history: History, logAges: History, span: number, out: Paths): number {
  const horizon = out.mean.length;
  const now = history.count - 1;
  const value = history.at(now);
  const steps = new Int32Array(NEIGHBOURS);
  const distances = new Float64Array(NEIGHBOURS).fill(Number.POSITIVE_INFINITY);
  const window = Float64Array.from({ length: Math.min(WINDOW, now + 1) }, (_, k) => history.at(now - k));
  const logAge = logAges.at(now);
  let found = 0;
  for (let step = now - horizon; step >= history.first + WINDOW; step--) {
    let distance = AGE_WEIGHT * WINDOW * Math.abs(logAge - logAges.at(step));
    const worst = distances[NEIGHBOURS - 1]!;
    for (let k = 0; k < window.length && distance < worst; k++) {
      distance += Math.abs(window[k]! - history.at(step - k)) / span;
    }
    if (distance < worst) found = insert(steps, distances, found, step, distance);
  }
  out.low.fill(found === 0 ? value : Number.POSITIVE_INFINITY);
  out.high.fill(found === 0 ? value : Number.NEGATIVE_INFINITY);
  out.mean.fill(found === 0 ? value : 0);
  let [weights, total] = [0, 0];
  for (let n = 0; n < found; n++) {
    total += distances[n]!;
    weights += weightOf(distances[n]!);
  }
  for (let n = 0; n < found; n++) {
    const step = steps[n]!;
    const shift = SHIFT * (value - history.at(step));
    const weight = weightOf(distances[n]!) / weights;
    for (let h = 0; h < horizon; h++) {
      const path = Math.max(0, history.at(step + 1 + h) + shift);
      out.mean[h] = out.mean[h]! + weight * path;
      if (path < out.low[h]!) out.low[h] = path;
      if (path > out.high[h]!) out.high[h] = path;
    }
  }
  return found === 0 ? -1 : total / found / WINDOW;
}

function weightOf(distance: number): number {
  return 1 / (0.5 + distance);
}

/** Keeps the list sorted by distance; of two close moments the nearer stays. Returns how many there are. */
function insert(
  steps: Int32Array,
  distances: Float64Array,
  found: number,
  step: number,
  distance: number,
): number {
  let count = found;
  for (let n = 0; n < count; n++) {
    if (Math.abs(steps[n]! - step) >= APART) continue;
    if (distances[n]! <= distance) return count;
    steps.copyWithin(n, n + 1, count);
    distances.copyWithin(n, n + 1, count);
    count--;
    break;
  }
  let place = Math.min(count, steps.length - 1);
  while (place > 0 && distances[place - 1]! > distance) {
    steps[place] = steps[place - 1]!;
    distances[place] = distances[place - 1]!;
    place--;
  }
  steps[place] = step;
  distances[place] = distance;
  count = Math.min(count + 1, steps.length);
  distances.fill(Number.POSITIVE_INFINITY, count);
  return count;
}
