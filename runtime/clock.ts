/** Time as an argument: what the runtime asks of a clock, and the machine's own. */

/** Also fits XState's `clock` option. Delays in milliseconds. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  setTimeout(run: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
  /** Milliseconds from any origin; never set back, as `now()` may be. Default: `now()`. */
  elapsed?(): number;
}

/** The wall clock of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout: (run, delayMs) => setTimeout(run, delayMs),
  elapsed: () => performance.now(),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};
