/** Telemetry frames: exact round trips, typed errors. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encode } from './codec.ts';
import { GridError, MalformedMessage } from './errors.ts';
import { decodeFrame, encodeFrame, type Frame } from './frame.ts';

const name = fc.string({ minLength: 1, maxLength: 12 });
const frame = fc
  .record({
    source: name,
    t: fc.nat(),
    intervalMs: fc.nat(),
    columns: fc.array(name, { maxLength: 6 }),
    ids: fc.array(name, { maxLength: 20 }),
    single: fc.boolean(),
    offset: fc.nat(3),
  })
  .chain(({ single, offset, ...head }) => {
    const length = head.columns.length * head.ids.length;
    return fc
      .array(fc.float(), { minLength: length + offset, maxLength: length + offset })
      .map((numbers): Frame => {
        const values = single ? Float32Array.from(numbers) : Float64Array.from(numbers);
        return { ...head, values: values.subarray(offset) };
      });
  });

describe('frames', () => {
  test('round trip bit by bit, NaN included, whatever the alignment', () => {
    fc.assert(
      fc.property(frame, (sent) => {
        const received = decodeFrame(encodeFrame(sent));
        expect(received).toEqual({ ...sent, values: sent.values.slice() });
        expect(received.values.constructor).toBe(sent.values.constructor);
      }),
    );
  });

  test('garbage, and shapes that do not fit, are typed errors', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          decodeFrame(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(GridError);
        }
      }),
    );
    const good = { source: 'h', t: 1, intervalMs: 50, columns: ['cpu'], ids: ['a', 'b'] };
    expect(() => encodeFrame({ ...good, values: new Float64Array(3) })).toThrow(MalformedMessage);
    const wire = { v: 1, ...good, dtype: 'f8' };
    expect(() => decodeFrame(encode({ ...wire, values: new Uint8Array(15) }))).toThrow(
      expect.objectContaining({ field: 'values' }),
    );
    expect(() => decodeFrame(encode({ ...wire, v: 9, values: new Uint8Array(16) }))).toThrow(
      expect.objectContaining({ field: 'v' }),
    );
  });
});
