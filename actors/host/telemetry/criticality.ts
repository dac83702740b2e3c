/** How often a domain is sampled, by how much harm a late look at it would do. */

/** From a batch job that nobody waits for to one whose next decision hangs on the next sample. */
export const CRITICALITIES = ['background', 'normal', 'high', 'critical'] as const;
export type Criticality = (typeof CRITICALITIES)[number];

/** Time between samples on the fast clock, ms: the range that kernel counters are worth reading in. */
const INTERVAL_MS = { background: 50, normal: 40, high: 20, critical: 10 } as const satisfies Record<
  Criticality,
  number
>;

/** Milliseconds between samples: 10 to 50, multiples of 10, so that lanes of several rates wake together. */
export function sampleIntervalMs(criticality: Criticality): number {
  return INTERVAL_MS[criticality];
}
