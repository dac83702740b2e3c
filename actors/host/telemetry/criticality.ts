/** How often a domain is sampled, by how much harm a late look at it would do. */

/** As jobs say it. */
export const CRITICALITIES = ['low', 'normal', 'high'] as const;
export type Criticality = (typeof CRITICALITIES)[number];

/** Time between samples on the fast clock, ms: the range that kernel counters are worth reading in is 10 to 50. */
const INTERVAL_MS = { low: 50, normal: 50, high: 20 } as const satisfies Record<Criticality, number>;

/** Milliseconds between samples: 10 to 50, multiples of 10, so that lanes of several rates wake together. */
export function sampleIntervalMs(criticality: Criticality): number {
  return INTERVAL_MS[criticality];
}
