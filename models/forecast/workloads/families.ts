/** Families of synthetic demand, as fractions of a series' scale; pure functions of a random source. */
import { choose, gaussian, integer, type Random, uniform } from '../random.ts';
import { type Jitter, type PhasePattern, type Rise, renderPhases, repeatPhases, risesOf } from './phases.ts';

/** Demand before noise, with the rises that a product would be judged by (cyclic families only). */
export interface Shape {
  readonly values: Float32Array;
  readonly rises: readonly Rise[];
  /** First step after two whole cycles; 0 where there are none. */
  readonly settled: number;
}

/** `jitter` sets the relative jitter of cyclic families; without it each workload draws its own. */
type Family = (random: Random, length: number, jitter?: number) => Shape;

/** Families that training sees. */
export const TRAINED = {
  square: (random, length, jitter) => {
    const period = uniform(random, 28, 130);
    const share = uniform(random, 0.25, 0.75);
    return cyclic(random, length, [low(random, period * (1 - share)), high(random, period * share)], jitter);
  },
  'multi-phase': (random, length, jitter) => {
    const count = integer(random, 3, 6);
    const period = uniform(random, 40, 140);
    const cycle = Array.from({ length: count }, (_, i) => {
      const duration = (period / count) * uniform(random, 0.5, 1.5);
      return i % 2 === 0 ? low(random, duration) : high(random, duration);
    });
    return cyclic(random, length, cycle, jitter);
  },
  sine: (random, length) => {
    const period = uniform(random, 16, 120);
    const [middle, swing] = [uniform(random, 0.2, 0.6), uniform(random, 0.05, 0.3)];
    return drifting(random, length, period, (phase) => middle + swing * Math.sin(2 * Math.PI * phase));
  },
  sawtooth: (random, length) => {
    const period = uniform(random, 20, 120);
    const [base, swing] = [uniform(random, 0.05, 0.3), uniform(random, 0.1, 0.6)];
    const falling = random() < 0.5;
    return drifting(random, length, period, (phase) => base + swing * (falling ? 1 - phase : phase));
  },
  ramp: (random, length) => {
    let [value, slope] = [uniform(random, 0.1, 0.7), 0];
    return plain(length, () => {
      if (random() < 1 / 40) slope = choose(random, [0, 0, 1, -1]) * uniform(random, 0.002, 0.02);
      value = clamp(value + slope, 0.02, 0.95);
      return value;
    });
  },
  bursts: (random, length, jitter) => {
    const cycle = [low(random, uniform(random, 15, 70)), high(random, uniform(random, 3, 8))];
    return cyclic(random, length, cycle, jitter);
  },
  'random-walk': (random, length) => {
    const step = uniform(random, 0.003, 0.03);
    let value = uniform(random, 0.1, 0.8);
    return plain(length, () => {
      value = clamp(value + step * gaussian(random), 0.02, 0.98);
      return value;
    });
  },
  constant: (random, length) => {
    const level = uniform(random, 0.05, 0.9);
    return plain(length, () => level);
  },
  'regime-switch': (random, length) => {
    const cut = integer(random, length * 0.3, length * 0.6);
    const parts = [cut, length - cut].map((size) =>
      choose<Family>(random, [TRAINED.square, TRAINED['multi-phase'], TRAINED.constant, TRAINED.sine])(
        random,
        size,
      ),
    );
    const values = new Float32Array(length);
    values.set(parts[0]!.values);
    values.set(parts[1]!.values, cut);
    return { values, rises: [], settled: 0 };
  },
  idle: (random, length) => {
    const level = uniform(random, 0, 0.02);
    let left = 0;
    return plain(length, () => {
      if (random() < 0.004) left = integer(random, 1, 12);
      left--;
      return left > 0 ? uniform(random, 0.1, 0.6) : level;
    });
  },
} satisfies Record<string, Family>;

/** Families kept out of training, to see whether what was learnt carries over. */
export const HELD_OUT = {
  staircase: (random, length, jitter) => {
    const steps = integer(random, 3, 5);
    const [top, duration] = [uniform(random, 0.5, 0.9), uniform(random, 8, 28)];
    const cycle = Array.from({ length: steps }, (_, i) => ({
      duration: duration * uniform(random, 0.7, 1.3),
      level: (top * (i + 0.4)) / steps,
    }));
    return cyclic(random, length, cycle, jitter);
  },
  trapezoid: (random, length) => {
    const period = uniform(random, 40, 120);
    const [base, swing, edge] = [
      uniform(random, 0.05, 0.25),
      uniform(random, 0.2, 0.7),
      uniform(random, 0.05, 0.2),
    ];
    return drifting(random, length, period, (phase) => {
      const up = Math.min(1, Math.max(0, (phase - 0.5) / edge));
      const down = Math.min(1, Math.max(0, (1 - phase) / edge));
      return base + swing * Math.min(up, down);
    });
  },
  'two-tones': (random, length) => {
    const [slow, fast] = [uniform(random, 60, 120), uniform(random, 12, 30)];
    const [a, b, shift] = [uniform(random, 0.1, 0.25), uniform(random, 0.03, 0.1), random()];
    let at = 0;
    return plain(length, () => {
      at++;
      return 0.4 + a * Math.sin((2 * Math.PI * at) / slow) + b * Math.sin(2 * Math.PI * (at / fast + shift));
    });
  },
  'high-with-gaps': (random, length, jitter) => {
    const gap = { duration: uniform(random, 2, 5), level: uniform(random, 0.05, 0.2) };
    const busy = high(random, uniform(random, 10, 25));
    return cyclic(random, length, [low(random, uniform(random, 20, 50)), busy, gap, busy, gap, busy], jitter);
  },
} satisfies Record<string, Family>;

export type FamilyName = keyof typeof TRAINED | keyof typeof HELD_OUT;

export function familyOf(name: FamilyName): Family {
  return { ...TRAINED, ...HELD_OUT }[name];
}

/** A cycle at a jitter around the +-10 % that repeating jobs show, from none to twice that. */
function cyclic(random: Random, length: number, cycle: readonly PhasePattern[], fixed?: number): Shape {
  const usual = fixed ?? (random() < 0.5 ? 0.1 : undefined);
  const jitter: Jitter = {
    duration: usual ?? uniform(random, 0, 0.2),
    level: usual ?? uniform(random, 0, 0.2),
  };
  const phases = repeatPhases(random, cycle, jitter, length);
  return {
    values: renderPhases(phases, length),
    rises: risesOf(phases, length),
    settled: Math.ceil(phases[2 * cycle.length]?.start ?? length),
  };
}

/** A periodic function whose period wanders by up to +-10 % from cycle to cycle. */
function drifting(random: Random, length: number, period: number, wave: (phase: number) => number): Shape {
  const jitter = random() < 0.5 ? 0.1 : uniform(random, 0, 0.15);
  let phase = random();
  let speed = 1 / period;
  return plain(length, () => {
    phase += speed;
    if (phase >= 1) {
      phase -= 1;
      speed = 1 / (period * (1 + uniform(random, -jitter, jitter)));
    }
    return wave(phase);
  });
}

function plain(length: number, next: () => number): Shape {
  return { values: Float32Array.from({ length }, next), rises: [], settled: 0 };
}

function low(random: Random, duration: number): PhasePattern {
  // Between phases of work many jobs use next to nothing.
  return { duration, level: random() < 0.3 ? uniform(random, 0, 0.03) : uniform(random, 0.03, 0.3) };
}

function high(random: Random, duration: number): PhasePattern {
  return { duration, level: uniform(random, 0.45, 0.9) };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
