/** Typed parameters come back from C's form as they went in. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeParameters, EncodedParameters, type TypedParameter } from './typed-parameters.ts';

const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter(
    (text) => !text.includes('\0') && text !== '__proto__' && new TextEncoder().encode(text).length < 80,
  );
const number = (type: 'int' | 'uint' | 'llong' | 'ullong' | 'double', value: fc.Arbitrary<number>) =>
  fc.record({ name, type: fc.constant(type), value });
const parameter: fc.Arbitrary<TypedParameter> = fc.oneof(
  number('int', fc.integer()),
  number('uint', fc.nat()),
  number('llong', fc.maxSafeInteger()),
  number('ullong', fc.maxSafeNat()),
  number('double', fc.double({ noNaN: true })),
  fc.record({ name, type: fc.constant('boolean' as const), value: fc.boolean() }),
  fc.record({
    name,
    type: fc.constant('string' as const),
    value: fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
  }),
);

test('every kind of parameter survives the round trip', () => {
  fc.assert(
    fc.property(fc.uniqueArray(parameter, { selector: (one) => one.name, maxLength: 16 }), (parameters) => {
      using encoded = new EncodedParameters(parameters);
      expect(decodeParameters(encoded.bytes, encoded.count)).toEqual(
        Object.fromEntries(parameters.map((one) => [one.name, one.value])),
      );
    }),
  );
});

test.each(['', 'x'.repeat(80)])('refuses the name %j, which C has no room for', (bad) => {
  expect(() => new EncodedParameters([{ name: bad, type: 'int', value: 1 }])).toThrow(RangeError);
});
