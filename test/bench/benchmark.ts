/** What every benchmark is: a function with options, and figures as its result. */

export interface BenchmarkOptions {
  /** For people; silent with --json except on standard error. */
  readonly log: (line: string) => void;
  /** Independent repetitions; medians are reported. */
  readonly runs: number | undefined;
  /** Of a simulation: how many, and the first one. */
  readonly seeds: number | undefined;
  readonly from: number | undefined;
}

export type Benchmark = (options: BenchmarkOptions) => Promise<Record<string, unknown>>;

/** The value below which `share` of all lie, by nearest rank. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle]!
    : ((sorted[middle - 1] ?? Number.NaN) + sorted[middle]!) / 2;
}

export function round(value: number, digits = 3): number {
  return Number(value.toFixed(digits));
}
