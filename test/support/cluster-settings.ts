/** What a node with ledgers is started with, and what it writes down. */

export interface ClusterSettings {
  readonly replicas: number;
  readonly ttlMs: number;
  readonly heartbeatMs: number;
  /** File that is appended to. Default: nothing is written down. */
  readonly journal?: string;
}

/** Something a ledger did, as the node that it ran on saw it. */
export interface Deed {
  /** Milliseconds on the clock that all processes of the machine share. */
  readonly t: number;
  readonly node: string;
  readonly key: string;
  /** Of the slot, when it was done. */
  readonly generation: number;
  readonly what: 'begin' | 'add' | 'look';
}

export function journalLine(deed: Omit<Deed, 't'>): string {
  return `${JSON.stringify({ t: monotonicMs(), ...deed })}\n`;
}

/** Deno counts `hrtime` from the start of each process; its own clock and the wall's at that moment are next best. */
export function monotonicMs(): number {
  if (process.versions.deno !== undefined) return performance.timeOrigin + performance.now();
  return Number(process.hrtime.bigint()) / 1e6;
}
