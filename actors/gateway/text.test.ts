/** Pages of output never end within a character, whatever their size. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { wholeCharacters } from './text.ts';

test('pages of any size of at least a character join to the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 4, max: 9 }), (text, size) => {
      const bytes = new TextEncoder().encode(text);
      let joined = '';
      for (let at = 0; at < bytes.length; ) {
        const page = bytes.subarray(at, at + size);
        const whole = wholeCharacters(page);
        joined += new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(page.subarray(0, whole));
        at += whole;
      }
      expect(joined).toBe(text);
    }),
  );
});

test('bytes that are no text are not waited for, and a page is never empty', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 12 }), (bytes) => {
      const whole = wholeCharacters(bytes);
      expect(whole).toBeGreaterThan(Math.max(0, bytes.length - 4));
      expect(whole).toBeLessThanOrEqual(bytes.length);
    }),
  );
});
