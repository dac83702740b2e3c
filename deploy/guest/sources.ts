/** The sources an image is made of, and their digest. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export const SOURCE_ROOT = import.meta.dirname ?? '.';

/** C sources, init, and the scripts that put them together: path below this folder -> content. */
export async function readSources(): Promise<Map<string, Uint8Array>> {
  const folders = ['agent', 'workload'];
  const names = await Promise.all(folders.map((folder) => readdir(join(SOURCE_ROOT, folder))));
  const paths = folders.flatMap((folder, index) => (names[index] ?? []).map((name) => `${folder}/${name}`));
  const wanted = [
    ...paths.filter((path) => /[.][ch]$/.test(path)),
    'init',
    'initrd.ts',
    'packages.ts',
    'cpio.ts',
  ].sort();
  const contents = await Promise.all(wanted.map((path) => readFile(join(SOURCE_ROOT, path))));
  return new Map(wanted.map((path, index) => [path, contents[index] ?? new Uint8Array()]));
}

/** 32 hexadecimal digits; names and contents count, with their lengths, so that nothing can shift between them. */
export function digest(parts: ReadonlyMap<string, Uint8Array>): string {
  const hash = createHash('sha256');
  for (const [name, content] of parts) hash.update(`${name}\0${content.byteLength}\0`).update(content);
  return hash.digest('hex').slice(0, 32);
}
