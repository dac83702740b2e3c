/** Maps of CPUs come back as they went in. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeCpuMap, encodeCpuMap } from './cpu-map.ts';
import { BadArgument } from './errors.ts';

test('any set of CPUs survives the round trip', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 2047 })), (cpus) => {
      expect(decodeCpuMap(encodeCpuMap('f', cpus))).toEqual(cpus.toSorted((a, b) => a - b));
    }),
  );
});

test.each([[[-1]], [[2048]], [[0.5]], [[Number.NaN]]])('refuses %o', (cpus) => {
  expect(() => encodeCpuMap('f', cpus)).toThrow(BadArgument);
});
