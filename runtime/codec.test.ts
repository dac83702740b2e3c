/** The codec: round trips, and typed errors for everything else. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode, decodeMessagePackOrJson, encode } from './codec.ts';
import { GridError, MalformedMessage, PayloadTooLarge } from './errors.ts';

const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string(),
    fc.integer(),
    // MessagePack writes -0 as the integer 0.
    fc.double({ noNaN: true }).map((value) => (value === 0 ? 0 : value)),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 5, noNullPrototype: true },
    ),
  ),
})).value;

function typedErrorsOnly(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(GridError);
  }
}

describe('codec', () => {
  test('gives back what it was given', () => {
    fc.assert(
      fc.property(plain, (value) => {
        expect(decode(encode({ value }))).toEqual({ value });
      }),
    );
  });

  test('reads JSON as well and says which it was', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const expected = JSON.parse(JSON.stringify({ value }));
        const json = new TextEncoder().encode(` ${JSON.stringify({ value })}`);
        expect(decodeMessagePackOrJson(json)).toEqual({ value: expected, format: 'json' });
      }),
    );
    expect(decodeMessagePackOrJson(encode({ a: 1 }))).toEqual({ value: { a: 1 }, format: 'msgpack' });
  });

  test('garbage is a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        typedErrorsOnly(() => decode(bytes));
        typedErrorsOnly(() => decodeMessagePackOrJson(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  test('a message cut short is a typed error', () => {
    fc.assert(
      fc.property(plain, fc.double({ min: 0, max: 0.999, noNaN: true }), (value, part) => {
        const bytes = encode({ value });
        expect(() => decode(bytes.subarray(0, Math.floor(bytes.length * part)))).toThrow(MalformedMessage);
      }),
    );
  });

  test('deep nesting is refused, in either format', () => {
    expect(() => decode(new Uint8Array(500_000).fill(0x91))).toThrow(MalformedMessage);
    const closed = new Uint8Array(100_001).fill(0x91);
    closed[100_000] = 0xc0;
    expect(() => decode(closed)).toThrow(/nested too deep/);
    const json = new TextEncoder().encode('['.repeat(100_000) + ']'.repeat(100_000));
    expect(() => decodeMessagePackOrJson(json)).toThrow(GridError);
    let deep: unknown = 1;
    for (let i = 0; i < 40; i++) deep = [deep];
    expect(() => encode(deep)).toThrow(MalformedMessage);
  });

  test('limits are in bytes', () => {
    expect(() => encode({ text: 'x'.repeat(100) }, { maxBytes: 100 })).toThrow(PayloadTooLarge);
    expect(() => decode(new Uint8Array(101), { maxBytes: 100 })).toThrow(PayloadTooLarge);
  });
});
