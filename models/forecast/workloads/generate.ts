/** Seeded workloads: a family's demand with measurement noise and, if asked for, held back by a limit. */
import { gaussian, integer, type Random, seededRandom, uniform } from '../random.ts';
import { type FamilyName, familyOf } from './families.ts';
import type { Rise } from './phases.ts';

export interface Workload {
  readonly family: FamilyName;
  readonly seed: number;
  /** Typical large value, in the unit of `demand`. */
  readonly scale: number;
  /** What the workload would use if nothing held it back, one value a step. */
  readonly demand: Float32Array;
  /** What is seen: `demand`, the limit that held it back, or NaN where a sample went missing. */
  readonly observed: Float32Array;
  /** 1 where `observed` is only a lower bound. */
  readonly censored: Uint8Array;
  /** Rises of cyclic families, levels in the unit of `demand`. */
  readonly rises: readonly Rise[];
  /** First step after two whole cycles. */
  readonly settled: number;
}

export interface WorkloadOptions {
  readonly family: FamilyName;
  readonly seed: number;
  /** Steps. */
  readonly length: number;
  /** Whether a random limit holds demand back now and then, and some values are missing. */
  readonly censoring?: boolean;
  /** Whether demand may sit anywhere in its scale: in a small part of it, or on top of a steady base. */
  readonly anywhere?: boolean;
  /** Relative half-width of the jitter of durations and levels in cyclic families; drawn if left out. */
  readonly jitter?: number;
}

/** The same options give the same workload, to the bit. */
export function generateWorkload(options: WorkloadOptions): Workload {
  const { family, seed, length, censoring = false, anywhere = false, jitter } = options;
  const random = seededRandom(hash(`${family}:${seed}`));
  const scale = 2 ** uniform(random, -1, 10);
  const shape = familyOf(family)(random, length, jitter);
  const place = anywhere ? placement(random) : (value: number): number => value;
  const values = softenEdges(random, shape.values).map(place);
  const demand = disturb(random, values).map((value) => value * scale);
  const rises = shape.rises.map(({ step, level }) => ({ step, level: place(level) * scale }));
  const observed = demand.slice();
  const censored = new Uint8Array(length);
  if (censoring) holdBack(random, observed, censored);
  return { family, seed, scale, demand, observed, censored, rises, settled: shape.settled };
}

/** Some series use a small part of their limit, some have a base that never goes away, as memory has. */
function placement(random: Random): (value: number) => number {
  const gain = random() < 0.4 ? uniform(random, 0.15, 1) : 1;
  const base = random() < 0.25 ? uniform(random, 0.1, 0.5) : 0;
  return (value) => base + (1 - base) * gain * value;
}

/** Some workloads take a few steps to rise, as memory does: values approach the shape at a limited speed. */
function softenEdges(random: Random, values: Float32Array): Float32Array {
  if (random() < 0.7) return values;
  const climb = uniform(random, 0.08, 0.4);
  let level = values[0] ?? 0;
  return values.map((value) => {
    level = Math.min(value, level + climb);
    return level;
  });
}

/** Noise in proportion to the level, a floor of background use, and now and then a step that stands out. */
function disturb(random: Random, values: Float32Array): Float32Array {
  const noise = random() < 0.2 ? 0 : uniform(random, 0.005, random() < 0.2 ? 0.12 : 0.06);
  const floor = uniform(random, 0, 0.01);
  const outliers = random() < 0.25 ? uniform(random, 0.002, 0.015) : 0;
  return values.map((value) => {
    const noisy = value * (1 + noise * gaussian(random)) + floor * Math.abs(gaussian(random));
    const factor = random() < outliers ? uniform(random, 0.5, 1.4) : 1;
    return Math.max(0, noisy * factor);
  });
}

/** A limit that follows use with some headroom, as a reactive rule would set it, so that rises are cut off; gaps. */
function holdBack(random: Random, observed: Float32Array, censored: Uint8Array): void {
  const headroom = uniform(random, 1.3, 2.2);
  const least = 0.04 * Math.max(...observed) + 1e-6;
  const patience = integer(random, 4, 16);
  const delay = integer(random, 1, 3);
  let limit = Math.max(least, (observed[0] ?? 0) * headroom);
  const gaps = random() < 0.3 ? 0.01 : 0;
  let quiet = 0;
  let wait = 0;
  observed.forEach((value, i) => {
    if (value >= limit) {
      observed[i] = limit;
      censored[i] = 1;
      wait++;
      if (wait >= delay) {
        limit *= headroom;
        wait = 0;
      }
    }
    if (random() < gaps) observed[i] = Number.NaN;
    quiet = value < limit * 0.4 ? quiet + 1 : 0;
    if (quiet >= patience) limit = Math.max(least, value * headroom);
  });
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const char of text) value = Math.imul(value ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return value >>> 0;
}
