/** Whatever an actor keeps, people get to see it: as plain values, bounded, and with a word about what is missing. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode, encode } from '../codec.ts';
import { toPlain } from './plain.ts';

describe('a context as plain values', () => {
  test('is itself where it is plain already', () => {
    const context = { id: 'a', list: [1, { b: null }], nothing: undefined, yes: true };
    expect(toPlain(context)).toEqual({ value: context, cut: [] });
  });

  test('shows what maps, sets, dates, errors, bytes and big numbers hold', () => {
    const { value, cut } = toPlain({
      map: new Map<unknown, unknown>([
        ['a', 1],
        [2, new Set(['x'])],
      ]),
      at: new Date(0),
      failed: new TypeError('no'),
      bytes: new Uint8Array(3),
      big: 2n ** 70n,
      far: Number.POSITIVE_INFINITY,
    });
    expect(value).toEqual({
      map: { a: 1, 2: ['x'] },
      at: '1970-01-01T00:00:00.000Z',
      failed: 'TypeError: no',
      bytes: '(3 bytes)',
      big: '1180591620717411303424',
      far: 'Infinity',
    });
    expect(cut).toEqual([{ at: 'bytes', why: 'bytes', left: 3 }]);
  });

  test('names the class of an instance, shows its fields or that they are hidden', () => {
    class Hidden {
      #items = [1, 2];
      get size() {
        return this.#items.length;
      }
    }
    class Open {
      readonly x = 1;
    }
    const { value, cut } = toPlain({ hidden: new Hidden(), open: new Open(), call: () => 1 });
    expect(value).toEqual({
      hidden: { '(class)': 'Hidden', size: 2 },
      open: { '(class)': 'Open', x: 1 },
      call: '(function)',
    });
    expect(cut).toEqual([
      { at: 'hidden', why: 'opaque' },
      { at: 'call', why: 'opaque' },
    ]);
  });

  test('ends at cycles, and at what throws when it is read', () => {
    const round: { self?: unknown } = {};
    round.self = round;
    const broken = {
      get x() {
        throw new Error('no');
      },
    };
    expect(toPlain({ round, broken }).cut).toEqual([
      { at: 'round.self', why: 'cycle' },
      { at: 'broken', why: 'unreadable' },
    ]);
  });

  test('says where it was cut, and how much is left', () => {
    const limits = { maxDepth: 2, maxEntries: 3, maxText: 4 };
    expect(toPlain({ deep: { er: {} }, list: [1, 2, 3, 4, 5], text: 'abcdef' }, limits)).toEqual({
      value: { deep: { er: '(depth)' }, list: [1, 2, 3], text: 'abcd…' },
      cut: [
        { at: 'deep.er', why: 'depth' },
        { at: 'list', why: 'entries', left: 2 },
        { at: 'text', why: 'text', left: 2 },
      ],
    });
  });

  test('of many long texts fits into one message', () => {
    const texts = Array.from({ length: 90 }, () => Array.from({ length: 50 }, () => 'ü'.repeat(2_000)));
    const { value, cut } = toPlain(texts);
    expect(encode({ value }).length).toBeLessThan(512 * 1024);
    expect(cut).toContainEqual({ at: '', why: 'entries', left: 88 });
  });

  test('of any value at all is bounded, and crosses the wire unchanged', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withNullPrototype: true,
      withObjectString: true,
    });
    fc.assert(
      fc.property(anything, (value) => {
        const { value: plain } = toPlain(value, { maxValues: 50, maxEntries: 10 });
        expect(count(plain)).toBeLessThanOrEqual(100);
        const json = JSON.stringify({ plain });
        expect(JSON.stringify(decode(encode({ plain })))).toBe(json);
      }),
      { numRuns: 500 },
    );
  });
});

function count(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, inner) => sum + count(inner), 1);
}
