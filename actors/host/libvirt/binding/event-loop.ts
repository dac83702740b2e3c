/**
 * libvirt's own event loop, turned by a timer of ours. A loop that sleeps in poll() on a thread of its own is woken twice
 * for every call of every connection that listens to events: that made calls twice as expensive (docs/benchmarks.md).
 */
import { loadLibvirt } from './native.ts';

/** Events are told so late at most, ms. */
const TURN_EVERY_MS = 20;
/** What is read in one turn is told in the next, and what that asks for is done in a third. */
const TURNS = 3;

interface Loop {
  readonly timer: ReturnType<typeof setInterval>;
  /** Of libvirt's: always due, so that no turn waits for anything. */
  readonly due: number;
}

let implementationRegistered = false;
let holders = 0;
let loop: Loop | undefined;

/** Starts the loop if it does not run. Must be called before the first connection that wants events is opened. */
export function holdEventLoop(): void {
  holders++;
  if (loop !== undefined) return;
  const native = loadLibvirt();
  if (!implementationRegistered) {
    native.virEventRegisterDefaultImpl();
    implementationRegistered = true;
  }
  const due = native.virEventAddTimeout(0, native.noop, null, null);
  const timer = setInterval(() => {
    for (let turn = 0; turn < TURNS; turn++) native.virEventRunDefaultImpl();
  }, TURN_EVERY_MS);
  loop = { timer, due };
}

/** Gives the loop back; the last holder stops it. */
export function releaseEventLoop(): void {
  holders--;
  if (holders > 0 || loop === undefined) return;
  clearInterval(loop.timer);
  loadLibvirt().virEventRemoveTimeout(loop.due);
  loop = undefined;
}
