/** Pages to look at: always whole pages within the ranges, and all of memory before long. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PAGE_BYTES, pageAddresses } from './page-choice.ts';

const range = fc.record({
  address: fc.nat({ max: 2 ** 28 }).map((page) => page * PAGE_BYTES),
  bytes: fc.nat({ max: 40 * PAGE_BYTES }),
});

test('each address is the start of a whole page of some range', () => {
  fc.assert(
    fc.property(fc.array(range, { minLength: 1, maxLength: 5 }), (ranges) => {
      fc.pre(ranges.some(({ bytes }) => bytes >= PAGE_BYTES));
      const addresses = pageAddresses(ranges);
      for (let look = 0; look < 200; look++) {
        const at = addresses.next().value;
        expect(
          ranges.some(
            ({ address, bytes }) =>
              at >= address && at + PAGE_BYTES <= address + bytes && (at - address) % PAGE_BYTES === 0,
          ),
        ).toBe(true);
      }
    }),
  );
});

test('a hundred pages are seen within two hundred looks, hardly any of them thrice', () => {
  const seen = new Map<number, number>();
  const addresses = pageAddresses([{ address: 0, bytes: 100 * PAGE_BYTES }]);
  for (let look = 0; look < 200; look++) {
    const at = addresses.next().value;
    seen.set(at, (seen.get(at) ?? 0) + 1);
  }
  expect(seen.size).toBeGreaterThanOrEqual(98);
  expect(Math.max(...seen.values())).toBeLessThanOrEqual(3);
});

test('ranges without a page are refused', () => {
  expect(() => pageAddresses([{ address: 0, bytes: 100 }]).next()).toThrow(RangeError);
});
