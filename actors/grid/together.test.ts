/** What comes in one turn of the event loop is handed on together, once. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { together } from './together.ts';

test('what comes in one turn is handed on in one piece, once', async () => {
  const pieces: (readonly number[])[] = [];
  const numbers = together<number>((items) => pieces.push(items));
  numbers.add(1);
  await Promise.resolve();
  numbers.add(2);
  expect(pieces).toEqual([]);
  await turn();
  expect(pieces).toEqual([[1, 2]]);
  numbers.add(3);
  numbers.flush();
  expect(pieces).toEqual([[1, 2], [3]]);
  await turn();
  expect(pieces).toHaveLength(2);
});
