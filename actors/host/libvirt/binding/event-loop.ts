/** libvirt's own event loop on one thread of the pool: it runs while somebody holds it, and never longer. */
import process from 'node:process';
import type { Native } from './declarations.ts';
import { loadLibvirt } from './native.ts';

/** Wakes the loop even if nothing happens, so that it sees that it is stopped. */
const WAKE_MS = 500;

/** Sorting so many bytes takes about four comparisons, that is turns of the loop, for each. */
const TURNS_SORTED = 255;

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
    // A thread in poll() keeps Node from exiting: a process that forgot to close its connections hurries it through.
    process.once('exit', () => {
      if (running !== undefined) native.virEventUpdateTimeout(running.timer, 0);
    });
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

/**
 * Runs the loop until `stopped`. libvirt offers one turn of its loop at a time, and wakes it twice for every call of
 * every connection: were each turn a call of ours, the main thread would be kept busy by them. So most turns are taken by C's qsort, which calls a function some thousand times for that many bytes and does
 * nothing else; one turn in between tells whether the loop still works.
 */
function runUntil(native: Native, stopped: () => boolean): Promise<void> {
  const bytes = new Uint8Array(TURNS_SORTED);
  return new Promise((resolve) => {
    const step = (): void => {
      native.virEventRunDefaultImpl.async((error: unknown, result: number) => {
        if (error !== null || result < 0 || stopped()) resolve();
        else native.qsort.async(bytes, bytes.length, 1, native.eventLoopTurn, step);
      });
    };
    step();
  });
}
