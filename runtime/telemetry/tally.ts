/** Actors in memory and the messages that wait for them, by kind. */
import { kindOf } from './kind.ts';

/** An actor in memory, as the gauges see it. */
export interface Measured {
  readonly address: string;
  /** Messages in its mailbox. */
  readonly waiting: number;
}

export interface Tally {
  live: number;
  waiting: number;
  most: number;
}

/** Counts by kind. */
export function tally(actors: Iterable<Measured>): Map<string, Tally> {
  const tallies = new Map<string, Tally>();
  for (const { address, waiting } of actors) {
    const kind = kindOf(address);
    let found = tallies.get(kind);
    if (found === undefined) {
      found = { live: 0, waiting: 0, most: 0 };
      tallies.set(kind, found);
    }
    found.live += 1;
    found.waiting += waiting;
    if (waiting > found.most) found.most = waiting;
  }
  return tallies;
}
