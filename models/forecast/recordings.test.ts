/** Recordings of demand are read as they were written, and damaged ones refused. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Recording, readRecordings, writeRecordings } from './recordings.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recordings-'));
});
afterAll(() => rm(folder, { recursive: true }));

const RECORDINGS: Recording[] = [
  {
    name: 'demo-cpu',
    resource: 'cpu',
    scale: 2,
    stepMs: 250,
    split: 'train',
    values: Float32Array.of(0.5, Number.NaN, 0, 1.25),
    censored: Uint8Array.of(0, 0, 1, 1),
  },
  {
    name: 'demo-memory',
    resource: 'memory',
    scale: 512,
    stepMs: 250,
    split: 'held-out',
    values: Float32Array.of(100),
    censored: Uint8Array.of(0),
  },
];

describe('recordings', () => {
  it('come back as they were written, with missing and censored values', async () => {
    const path = join(folder, 'a.f32.gz');
    await writeRecordings(path, RECORDINGS);
    expect(await readRecordings(path)).toEqual(RECORDINGS);
  });

  it('are none where there is no file', async () => {
    expect(await readRecordings(join(folder, 'absent.f32.gz'))).toEqual([]);
  });

  it.each([
    ['an index of another length', '{"version":1,"series":[]}', 'series.length'],
    ['an index of another version', '{"version":9,"series":[]}', 'version'],
    ['an entry without a scale', '{"version":1,"series":[{"name":"x"}]}', 'series.0'],
    ['no JSON', '{', 'index'],
  ])('%s: a typed error', async (_, index, field) => {
    const path = join(folder, 'b.f32.gz');
    await writeRecordings(path, RECORDINGS);
    await writeFile(join(folder, 'b.json'), index);
    await expect(readRecordings(path)).rejects.toMatchObject({ code: 'recordings-malformed', field });
  });

  it('values that are not gzip: a typed error', async () => {
    const path = join(folder, 'c.f32.gz');
    await writeRecordings(path, RECORDINGS);
    await writeFile(path, 'no gzip');
    await expect(readRecordings(path)).rejects.toMatchObject({
      code: 'recordings-malformed',
      field: 'values',
    });
  });
});
