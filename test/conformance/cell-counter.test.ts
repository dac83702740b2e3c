/** The example in examples/counter.ts does what it says. */
import { expect, test } from 'vitest';
import { countAcrossARestart } from '../../examples/counter.ts';

test('a counter counts on after a restart', async () => {
  expect(await countAcrossARestart()).toBe(5);
});
