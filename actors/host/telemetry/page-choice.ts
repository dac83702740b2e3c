/** Which pages of a guest's memory to look at next: spread evenly, none again before most others were seen. */
import type { MemoryRange } from './state.ts';

export const PAGE_BYTES = 4096;

/** Fractional part of the golden ratio: its multiples modulo 1 spread more evenly than random numbers (Weyl sequence). */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** Addresses without end; the same for the same ranges. Throws RangeError if the ranges hold no whole page. */
export function* pageAddresses(ranges: readonly MemoryRange[]): Generator<number, never> {
  const pages = ranges.map(({ bytes }) => Math.floor(bytes / PAGE_BYTES));
  const total = pages.reduce((sum, count) => sum + count, 0);
  if (total === 0) throw new RangeError('memory ranges: there is no page in them, give at least 4096 bytes');
  for (let step = 1; ; step++) yield addressOf(Math.floor(((step * GOLDEN) % 1) * total), ranges, pages);
}

function addressOf(index: number, ranges: readonly MemoryRange[], pages: readonly number[]): number {
  let left = index;
  for (const [at, range] of ranges.entries()) {
    const count = pages[at]!;
    if (left < count) return range.address + left * PAGE_BYTES;
    left -= count;
  }
  throw new RangeError(`page ${index} is beyond the memory ranges`);
}
