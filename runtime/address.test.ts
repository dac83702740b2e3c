/** Addresses, their subjects, and envelopes around messages to them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { actorSubject, addressOf, parseAddress } from './address.ts';
import { encode } from './codec.ts';
import { decodeEnvelope, type Envelope, encodeEnvelope } from './envelope.ts';
import { GridError, MalformedMessage } from './errors.ts';

const kind = fc.stringMatching(/^[a-z][a-z0-9-]{0,31}$/);
const key = fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/);

describe('addresses', () => {
  test('parse back into kind and key, and are one subject token each', () => {
    fc.assert(
      fc.property(kind, key, (kind, key) => {
        const address = addressOf(kind, key);
        expect(parseAddress(address)).toEqual({ kind, key, address });
        expect(actorSubject(address, '7')).toBe(`shadowgrid.actor.${kind}.7.${key}`);
      }),
    );
  });

  test('anything else is refused by name', () => {
    for (const text of [
      '',
      'job',
      'Job/a',
      'job/',
      'job/a.b',
      'job/a/b',
      'job/*',
      '/a',
      `job/${'x'.repeat(129)}`,
    ]) {
      expect(() => parseAddress(text)).toThrow(MalformedMessage);
    }
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          expect(parseAddress(text).address).toBe(text);
        } catch (error) {
          expect(error).toMatchObject({ code: 'malformed-message', hint: expect.any(String) });
        }
      }),
    );
  });
});

describe('envelopes', () => {
  const envelope: Envelope = {
    v: 1,
    id: 'n-1',
    to: addressOf('job', 'a'),
    type: 'go',
    body: { n: 1 },
    mode: 'ask',
    deadline: 5,
  };

  test('round trip', () => {
    fc.assert(
      fc.property(
        kind,
        key,
        fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.integer(), { noNullPrototype: true }),
        (kind, key, body) => {
          const sent = { ...envelope, to: addressOf(kind, key), body };
          expect(decodeEnvelope(encodeEnvelope(sent))).toEqual(sent);
        },
      ),
    );
  });

  test('name the field that is wrong', () => {
    const cases: [object, string][] = [
      [{ v: 2 }, 'v'],
      [{ to: 'job' }, 'to'],
      [{ mode: 'shout' }, 'mode'],
      [{ body: [] }, 'body'],
      [{ id: undefined }, 'id'],
    ];
    for (const [change, field] of cases) {
      expect(() => decodeEnvelope(encode({ ...envelope, ...change }))).toThrow(
        expect.objectContaining({ field }),
      );
    }
    expect(() => decodeEnvelope(encode({ ...envelope, extra: 1 }))).toThrow(GridError);
    expect(() => decodeEnvelope(encode(7))).toThrow(MalformedMessage);
  });
});
