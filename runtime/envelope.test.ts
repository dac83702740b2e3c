/** The check of envelopes by hand says what the schema says. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkEnvelope, envelopeSchema } from './envelope.ts';
import { MalformedMessage } from './errors.ts';

const good = {
  v: 1,
  id: 'a-1',
  to: 'counter/one',
  from: 'a',
  type: 'add',
  body: { amount: 1 },
  mode: 'ask',
  deadline: 1_800_000_000_000,
};

const odd = fc.oneof(
  fc.constantFrom(
    undefined,
    null,
    '',
    'x',
    'counter/one',
    'Counter/one',
    'tell',
    0,
    1,
    -1,
    Number.NaN,
    {},
    [],
  ),
  fc.string({ minLength: 60, maxLength: 300 }),
  fc.constantFrom(new Date(0), new Uint8Array(2), Number.POSITIVE_INFINITY),
);
const field = fc.constantFrom(...Object.keys(envelopeSchema.shape), 'extra', 'toString');

test('accepts what the schema accepts, and names the field of what it refuses', () => {
  expect(checkEnvelope(good)).toEqual(good);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(field, odd), { maxLength: 3 }),
      fc.subarray(Object.keys(good)),
      (changes, kept) => {
        const fields = Object.fromEntries(
          Object.entries(good).filter(([name]) => kept.length < 3 || kept.includes(name)),
        );
        const value = { ...fields, ...Object.fromEntries(changes) };
        const { success } = envelopeSchema.safeParse(value);
        if (success) expect(checkEnvelope(value)).toEqual(value);
        else expect(() => checkEnvelope(value)).toThrow(MalformedMessage);
      },
    ),
    { numRuns: 3000 },
  );
  for (const value of [null, undefined, 7, 'x', [], new Map()])
    expect(() => checkEnvelope(value)).toThrow(MalformedMessage);
  expect(() => checkEnvelope({ ...good, to: 'nobody' })).toThrow(/envelope: to/);
});
