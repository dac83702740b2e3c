/** The look before decoding: agrees with the decoder on what is sound, and sees through lengths that lie. */
import { decode as decodeWithLibrary, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decode } from './codec.ts';
import { MalformedMessage } from './errors.ts';
import { skim } from './skim.ts';

test('whatever the library encodes is sound, and nothing less is', () => {
  fc.assert(
    fc.property(
      fc.anything({ maxDepth: 4, withDate: true, withTypedArray: false }),
      fc.nat(),
      (value, cut) => {
        let bytes: Uint8Array;
        try {
          bytes = encode(value);
          decodeWithLibrary(bytes);
        } catch {
          return;
        }
        expect(skim(bytes, 64)).toBeUndefined();
        expect(skim(bytes.subarray(0, cut % bytes.length), 64)).toBe('cut short');
      },
    ),
    { numRuns: 500 },
  );
  for (const length of [0, 31, 32, 255, 256, 65_535, 65_536]) {
    for (const value of ['x'.repeat(length), new Uint8Array(length), Array(length).fill(-1)])
      expect(skim(encode(value), 2)).toBeUndefined();
  }
});

test('what it passes over, the decoder refuses', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (bytes) => {
      if (skim(bytes, 64) !== 'cut short') return;
      expect(() => decodeWithLibrary(bytes)).toThrow();
    }),
    { numRuns: 3000 },
  );
});

test('lengths that lie reserve no memory', () => {
  // Each level says that it holds a million items: 8 MB of a decoder that believes it, 1.6 GB in all.
  const bomb = new Uint8Array(1000).map((_, i) => [0xdd, 0x00, 0x0f, 0xff, 0xff][i % 5]!);
  const before = process.memoryUsage().rss;
  for (const levels of [1, 30, 200])
    expect(() => decode(bomb.subarray(0, 5 * levels))).toThrow(MalformedMessage);
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
});
