/** How long it takes to copy a guest's memory while it changes, in rounds as QEMU does it. */
import type { Clock } from '../../../runtime/mod.ts';
import type { MigrationOptions, MigrationReport } from '../port/mod.ts';
import type { SimulatedGuest } from './guest.ts';

export interface Copying {
  readonly method: MigrationReport['method'];
  readonly copiedMiB: number;
  readonly downtimeMs: number;
  /** Why it ended before all was copied. */
  readonly failure?: string;
}

interface CopyingOptions extends MigrationOptions {
  /** Whether either side is gone, or the copying was told to end. */
  readonly lost: () => boolean;
}

const TICK_MS = 20;
const NETWORK_MIBPS = 1000;
/** What one round more of throttling leaves of the guest's speed. */
const THROTTLE = 0.8;

export async function copyMemory(
  guest: SimulatedGuest,
  clock: Clock,
  options: CopyingOptions,
): Promise<Copying> {
  const { downtimeMs = 300, deadlineMs = 120_000, stallMs = 10_000, autoConverge = true } = options;
  const throughput = Math.min(options.bandwidthMiBps ?? NETWORK_MIBPS, NETWORK_MIBPS);
  const began = clock.now();
  const memoryMiB = guest.status.allocation.memoryMiB;
  let remaining = memoryMiB;
  if (options.cold === 'only') {
    options.onProgress?.({ phase: 'cold' });
    const ms = (2 * remaining * 1000) / throughput;
    await sleep(clock, ms);
    return { method: 'cold', copiedMiB: remaining, downtimeMs: ms };
  }
  let dirty = guest.dirtyMiBps;
  let copiedMiB = 0;
  let lowest = remaining;
  let lowestAt = began;
  for (let iteration = 1; ; iteration++) {
    for (let round = remaining; round > 0; ) {
      options.onProgress?.({
        phase: 'copying',
        remainingMiB: round,
        dirtyMiBps: dirty,
        throughputMiBps: throughput,
        iteration,
      });
      const now = clock.now();
      if (round < lowest * 0.99) [lowest, lowestAt] = [round, now];
      const failure = whyEnd(options, now - began > deadlineMs);
      if (failure !== undefined) return { method: 'pre-copy', copiedMiB, downtimeMs: 0, failure };
      if (now - lowestAt >= stallMs) {
        if (options.postCopy)
          return { method: 'post-copy', copiedMiB: copiedMiB + round, downtimeMs: TICK_MS };
        if (options.cold === 'fallback') return await copyMemory(guest, clock, { ...options, cold: 'only' });
        const failure = 'it stalled: the guest changes memory as fast as it is copied';
        return { method: 'pre-copy', copiedMiB, downtimeMs: 0, failure };
      }
      const ms = Math.min(TICK_MS, (round * 1000) / throughput);
      await sleep(clock, ms);
      round -= (throughput * ms) / 1000;
      copiedMiB += (throughput * ms) / 1000;
    }
    const next = Math.min(memoryMiB, (dirty * remaining) / throughput);
    if ((next * 1000) / throughput <= downtimeMs) {
      const ms = (next * 1000) / throughput;
      await sleep(clock, ms);
      const failure = whyEnd(options, false);
      return { method: 'pre-copy', copiedMiB, downtimeMs: ms, ...(failure !== undefined && { failure }) };
    }
    remaining = next;
    if (autoConverge) dirty *= THROTTLE;
  }
}

function whyEnd({ signal, lost }: CopyingOptions, late: boolean): string | undefined {
  if (signal?.aborted) return 'it was cancelled';
  if (late) return 'its deadline passed';
  return lost() ? 'the connection between the hosts broke' : undefined;
}

function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.setTimeout(resolve, ms));
}
