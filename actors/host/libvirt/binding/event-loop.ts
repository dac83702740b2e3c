/** libvirt's own event loop on one thread of the pool: it runs while somebody holds it, and never longer. */
import type { Native } from './declarations.ts';
import { loadLibvirt } from './native.ts';

/** Wakes the loop even if nobody stops it, so that a process that forgets to can exit: a thread in poll() blocks it. */
const WAKE_MS = 500;

let implementationRegistered = false;
let holders = 0;
let running: Loop | undefined;

interface Loop {
  readonly timer: number;
  readonly ended: Promise<void>;
  stopping: boolean;
}

/** Starts the loop if it does not run. Must be called before the first connection that wants events is opened. */
export function holdEventLoop(): void {
  holders++;
  if (running !== undefined && !running.stopping) return;
  const native = loadLibvirt();
  if (!implementationRegistered) {
    native.virEventRegisterDefaultImpl();
    implementationRegistered = true;
  }
  const previous = running?.ended ?? Promise.resolve();
  const timer = native.virEventAddTimeout(WAKE_MS, native.noop, null, null);
  const loop: Loop = {
    timer,
    stopping: false,
    ended: previous.then(() => runUntil(native, () => loop.stopping)),
  };
  running = loop;
}

/** Gives the loop back; the last holder stops it. Resolves when its thread is free. */
export async function releaseEventLoop(): Promise<void> {
  holders--;
  const loop = running;
  if (holders > 0 || loop === undefined || loop.stopping) return;
  loop.stopping = true;
  const native = loadLibvirt();
  native.virEventUpdateTimeout(loop.timer, 0);
  await loop.ended;
  native.virEventRemoveTimeout(loop.timer);
  if (running === loop) running = undefined;
}

function runUntil(native: Native, stopped: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const step = (): void => {
      native.virEventRunDefaultImpl.async((error: unknown, result: number) => {
        if (error !== null || result < 0 || stopped()) resolve();
        else step();
      });
    };
    step();
  });
}
