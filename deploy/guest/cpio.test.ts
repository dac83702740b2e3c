/** cpio archives read back as they were written. */
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { file, writeCpio } from './cpio.ts';

/** Reads an archive back by the format's description: 110 bytes of header, name, content, each padded to four. */
function readCpio(bytes: Uint8Array): { path: string; mode: number; content: string }[] {
  const buffer = Buffer.from(bytes);
  const entries = [];
  for (let at = 0; ; ) {
    const field = (index: number) =>
      Number.parseInt(buffer.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16);
    expect(buffer.toString('latin1', at, at + 6)).toBe('070701');
    const [mode, size, nameSize] = [field(1), field(6), field(11)];
    const path = buffer.toString('utf8', at + 110, at + 110 + nameSize - 1);
    const start = (at + 110 + nameSize + 3) & ~3;
    if (path === 'TRAILER!!!') return entries;
    entries.push({ path, mode, content: buffer.toString('utf8', start, start + size) });
    at = (start + size + 3) & ~3;
  }
}

it('archives read back as they were written, whatever the sizes', () => {
  const entry = fc.tuple(fc.stringMatching(/^[a-z/]{1,30}$/), fc.stringMatching(/^[ -~]{0,50}$/));
  fc.assert(
    fc.property(fc.array(entry), (entries) => {
      const written = writeCpio(entries.map(([path, text]) => file(path, Buffer.from(text))));
      expect(written.byteLength % 4).toBe(0);
      expect(readCpio(written).map(({ path, content }) => [path, content])).toEqual(entries);
    }),
  );
});
