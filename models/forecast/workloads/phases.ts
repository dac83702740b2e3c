/** Demand as a sequence of phases in continuous time, averaged into steps as a sampler would see it. */
import { type Random, uniform } from '../random.ts';

/** From `start` (steps, fractional) on, demand is `level` (fraction of the scale) until the next phase. */
export interface Phase {
  readonly start: number;
  readonly level: number;
}

/** One entry of a cycle that repeats: how long, at what level, before jitter. */
export interface PhasePattern {
  readonly duration: number;
  readonly level: number;
}

/** Relative half-widths of the uniform jitter of every phase. */
export interface Jitter {
  readonly duration: number;
  readonly level: number;
}

/** Repeats a cycle of phases, each jittered anew, until `length` steps are filled. */
export function repeatPhases(
  random: Random,
  cycle: readonly PhasePattern[],
  jitter: Jitter,
  length: number,
): Phase[] {
  const phases: Phase[] = [];
  let start = -uniform(random, 0, 1) * (cycle[0]?.duration ?? 1);
  while (start < length) {
    for (const { duration, level } of cycle) {
      const spread = 1 + uniform(random, -jitter.level, jitter.level);
      phases.push({ start, level: level * spread });
      start += Math.max(1, duration * (1 + uniform(random, -jitter.duration, jitter.duration)));
    }
  }
  return phases;
}

/** Mean level within each step. */
export function renderPhases(phases: readonly Phase[], length: number): Float32Array {
  const values = new Float32Array(length);
  phases.forEach(({ start, level }, i) => {
    const end = Math.min(length, phases[i + 1]?.start ?? length);
    for (let step = Math.max(0, Math.floor(start)); step < end; step++) {
      const share = Math.min(end, step + 1) - Math.max(start, step);
      values[step] = (values[step] ?? 0) + level * share;
    }
  });
  return values;
}

/** A rise of demand: `step` is the first step it touches, `level` what it rises to (fraction of the scale). */
export interface Rise {
  readonly step: number;
  readonly level: number;
}

/** Rises by at least a tenth of the scale and a third of the level before. */
export function risesOf(phases: readonly Phase[], length: number): Rise[] {
  return phases.flatMap(({ start, level }, i) => {
    const before = phases[i - 1];
    const step = Math.floor(start);
    const rise = before && level - before.level >= Math.max(0.1, before.level / 3);
    return rise && step > 0 && step < length ? [{ step, level }] : [];
  });
}
