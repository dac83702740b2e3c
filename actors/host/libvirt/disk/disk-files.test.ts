/** Layers of disks on a real file system, with real qcow2 headers. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DiskFiles, withBelow } from './disk-files.ts';
import { readImageHeader } from './image-header.ts';

let folder: string;
let files: DiskFiles;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disks-'));
  files = new DiskFiles((domain) => join(folder, domain));
  await mkdir(join(folder, 'd'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a header tells format, size and what lies below; anything else is raw', async () => {
  await image('vda.0.qcow2');
  await image('vda.1.qcow2', 'vda.0.qcow2');
  expect(await readImageHeader(path('vda.0.qcow2'))).toEqual({ format: 'qcow2', sizeBytes: 4096 });
  expect(await readImageHeader(path('vda.1.qcow2'))).toEqual({
    format: 'qcow2',
    sizeBytes: 4096,
    backing: path('vda.0.qcow2'),
  });
  await writeFile(path('raw'), 'x');
  expect(await readImageHeader(path('raw'))).toEqual({ format: 'raw', sizeBytes: 1 });
  await expect(readImageHeader(path('none'))).rejects.toThrow('ENOENT');
});

test('the next layer has a number that no file had', async () => {
  expect(await files.nextLayer('d', 'vda')).toEqual({ target: 'vda', path: path('vda.0.qcow2') });
  await image('vda.4.qcow2');
  await image('vdb.9.qcow2');
  expect(await files.nextLayer('d', 'vda')).toEqual({ target: 'vda', path: path('vda.5.qcow2') });
});

test('sweeping keeps what is needed and all that lies below it, and files of others', async () => {
  await image('vda.0.qcow2');
  await image('vda.1.qcow2', 'vda.0.qcow2');
  await image('vda.2.qcow2', 'vda.1.qcow2');
  await image('vda.3.qcow2', 'vda.0.qcow2');
  await writeFile(path('notes'), '');
  await files.sweep('d', [path('vda.1.qcow2'), '/elsewhere/base.qcow2']);
  expect((await readdir(join(folder, 'd'))).sort()).toEqual(['notes', 'vda.0.qcow2', 'vda.1.qcow2']);
  await files.sweep('nobody', []);
});

test('a ring of layers is gone through once', () => {
  const ring = new Map([
    ['a', 'b'],
    ['b', 'a'],
  ]);
  expect([...withBelow(['a'], ring)]).toEqual(['a', 'b']);
});

const path = (name: string) => join(folder, 'd', name);

/** The header of a qcow2 image: version 3, a disk of 4 KiB. */
async function image(name: string, backing?: string): Promise<void> {
  const bytes = Buffer.alloc(128);
  bytes.write('QFI\u00fb', 'latin1');
  bytes.writeUInt32BE(3, 4);
  bytes.writeBigUInt64BE(backing === undefined ? 0n : 104n, 8);
  bytes.writeUInt32BE(backing?.length ?? 0, 16);
  bytes.writeBigUInt64BE(4096n, 24);
  bytes.write(backing ?? '', 104);
  await writeFile(path(name), bytes);
}
