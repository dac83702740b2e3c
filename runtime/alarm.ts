/** Runs something at a time however far off: `setTimeout` can wait for 24.8 days at most. */
import type { Clock } from './clock.ts';

const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** `at` in ms since the epoch; what is overdue runs in the next turn. Returns the function that cancels it. */
export function setAlarm(clock: Clock, at: number, run: () => void): () => void {
  let timer: unknown;
  const wait = () => {
    const left = Math.max(0, at - clock.now());
    const next = left > LONGEST_TIMEOUT_MS ? wait : run;
    timer = clock.setTimeout(next, Math.min(left, LONGEST_TIMEOUT_MS));
  };
  wait();
  return () => clock.clearTimeout(timer);
}
