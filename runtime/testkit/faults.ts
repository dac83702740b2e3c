/** What goes wrong in a simulation, how often and for how long, all of it from the seed. */

/** Shortest and longest, milliseconds. */
export type Range = readonly [number, number];

/** Something that comes by itself. */
export interface Recurring {
  /** Milliseconds between two of them on average; those of nodes count per node. */
  readonly everyMs: number;
  readonly lastsMs: Range;
}

export interface Faults {
  /** Probabilities, per message and receiver. */
  readonly drop: number;
  readonly duplicate: number;
  /** Probability that something takes `slowMs` one way, and all behind it wait for it. */
  readonly slow: number;
  readonly slowMs: Range;
  /** Probabilities, per request to the store. */
  readonly loseRequest: number;
  readonly loseAnswer: number;
  /** Clocks run up to this much too fast or too slow; 0.005 is 5 ms in a second. */
  readonly clockDrift: number;
  /** Clocks are wrong by up to this from the start. */
  readonly clockOffsetMs: number;
  /** A process that stands still. */
  readonly pause: Recurring | undefined;
  /** A process that is gone, and comes back as a new one. Only nodes that were added with a start. */
  readonly crash: Recurring | undefined;
  /** A node that does not reach the broker, or is not reached by it, or neither. */
  readonly cut: Recurring | undefined;
  /** A wall clock that is set wrong, then right again. */
  readonly clockStep: Recurring | undefined;
  /** A store that does not answer, or says that it cannot. */
  readonly storeOutage: Recurring | undefined;
  /** A broker that is gone with all connections. */
  readonly brokerRestart: Recurring | undefined;
}

export const noFaults: Faults = {
  drop: 0,
  duplicate: 0,
  slow: 0,
  slowMs: [2, 300],
  loseRequest: 0,
  loseAnswer: 0,
  clockDrift: 0,
  clockOffsetMs: 0,
  pause: undefined,
  crash: undefined,
  cut: undefined,
  clockStep: undefined,
  storeOutage: undefined,
  brokerRestart: undefined,
};

/** Some of each: a minute with three nodes sees about a dozen of those that last. */
export const everyFault: Faults = {
  drop: 0.01,
  duplicate: 0.01,
  slow: 0.01,
  slowMs: [2, 300],
  loseRequest: 0.005,
  loseAnswer: 0.005,
  clockDrift: 0.005,
  clockOffsetMs: 250,
  pause: { everyMs: 30_000, lastsMs: [10, 6_000] },
  crash: { everyMs: 45_000, lastsMs: [100, 8_000] },
  cut: { everyMs: 40_000, lastsMs: [20, 8_000] },
  clockStep: { everyMs: 120_000, lastsMs: [1_000, 20_000] },
  storeOutage: { everyMs: 40_000, lastsMs: [100, 6_500] },
  brokerRestart: { everyMs: 60_000, lastsMs: [50, 3_000] },
};
