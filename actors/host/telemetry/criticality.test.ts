/** Sampling rates by criticality: within the fast clock's range, faster for what matters more. */
import { expect, test } from 'vitest';
import { CRITICALITIES, sampleIntervalMs } from './criticality.ts';

test('10 to 50 ms, never slower for the more critical', () => {
  const intervals = CRITICALITIES.map(sampleIntervalMs);
  expect(intervals).toEqual([...intervals].sort((a, b) => b - a));
  expect(Math.min(...intervals)).toBeGreaterThanOrEqual(10);
  expect(Math.max(...intervals)).toBeLessThanOrEqual(50);
});
