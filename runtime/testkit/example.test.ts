/** The example of docs/runtime.md: what was promised is counted, and nothing twice. */
import { expect, test } from 'vitest';
import { simulateCounter } from '../../examples/simulated-counter.ts';

test.each([1, 2, 3])('a simulated counter keeps its promises, seed %i', async (seed) => {
  const { promised, total } = await simulateCounter(seed);
  expect(promised).toBeGreaterThan(50);
  // A command that was refused may have been stored all the same, once.
  expect(total).toBeGreaterThanOrEqual(promised);
  expect(total).toBeLessThan(promised * 1.5);
  expect(await simulateCounter(seed)).toEqual({ promised, total });
});
