/** The cache: where it is, and that what is published in it is there whole or not at all. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { cacheRoot, publishDirectory } from './mod.ts';

describe('cacheRoot', () => {
  it('follows the environment', () => {
    expect(cacheRoot({ SHADOWGRID_CACHE: '/c', XDG_CACHE_HOME: '/x' })).toBe('/c');
    expect(cacheRoot({ XDG_CACHE_HOME: '/x' })).toBe('/x/shadowgrid');
    expect(cacheRoot({})).toMatch(/[.]cache\/shadowgrid$/);
  });
});

describe('publishDirectory', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'shadowgrid-cache-test-'));
    return () => rm(root, { recursive: true, force: true });
  });

  it('lets the first of several win and leaves no draft behind', async () => {
    const path = join(root, 'deep', 'image');
    const fill = (text: string) => (directory: string) => writeFile(join(directory, 'a'), text);
    await Promise.all(['1', '2', '3', '4'].map((text) => publishDirectory(path, fill(text))));
    expect(await readFile(join(path, 'a'), 'utf8')).toMatch(/^[1-4]$/);
    expect(await readdir(join(root, 'deep'))).toEqual(['image']);
  });

  it('publishes nothing when filling fails', async () => {
    const failing = publishDirectory(join(root, 'image'), () => Promise.reject(new Error('no space')));
    await expect(failing).rejects.toThrow('no space');
    expect(await readdir(root)).toEqual([]);
  });
});
