/** Only a file that libvirt and QEMU wrote to its end is a memory image. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { digestFile } from './digest.ts';
import { examineSaveImage, stateOfFile } from './save-image.ts';

const XML = '<domain/>\0'.padEnd(200, '\0');
const DESCRIPTION = '{"page_size": 4096, "devices": []}';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-'));
  path = join(folder, 'memory');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a whole one', async () => {
  expect(await examine(image())).toBeUndefined();
  expect(await examine(image({ description: '{"anything else": 6}' }))).toBeUndefined();
});

test.each([
  ['gone', undefined, 'gone'],
  ['empty', Buffer.alloc(0), 'begin'],
  ['of another kind', Buffer.from('#!/bin/sh\n'.padEnd(400)), 'begin'],
  ['not written to the end', image({ magic: 'LibvirtQemudPart' }), 'to the end'],
  ['without a state', image({ stream: 'xxxx\0\0\0\u0003' }), 'no state'],
  ['cut short', image().subarray(0, -1), 'end'],
  ['cut after the header', image().subarray(0, 92), 'no state'],
  ['cut before the description', image().subarray(0, -DESCRIPTION.length - 5), 'end'],
])('one that is %s', async (_, bytes, why) => {
  expect(await examine(bytes)).toContain(why);
});

test('a file that is written has another state, and another digest', async () => {
  await writeFile(path, image());
  const [state, digest] = [await stateOfFile(path), await digestFile(path)];
  expect([await stateOfFile(path), await digestFile(path)]).toEqual([state, digest]);
  await writeFile(path, image({ description: '{"page_size": 4097, "devices": []}' }));
  expect(await stateOfFile(path)).not.toBe(state);
  expect(await digestFile(path)).not.toBe(digest);
});

test('a digest can be given up', async () => {
  await writeFile(path, image());
  await expect(digestFile(path, { signal: AbortSignal.abort('enough') })).rejects.toBe('enough');
});

async function examine(bytes: Uint8Array | undefined): Promise<string | undefined> {
  if (bytes !== undefined) await writeFile(path, bytes);
  return examineSaveImage(path);
}

function image({
  magic = 'LibvirtQemudSave',
  stream = 'QEVM\0\0\0\u0003',
  description = DESCRIPTION,
} = {}): Buffer {
  const header = Buffer.alloc(92);
  header.write(magic, 'latin1');
  header.writeUInt32LE(2, 16);
  header.writeUInt32LE(XML.length, 20);
  const end = Buffer.alloc(5);
  end[0] = 6;
  end.writeUInt32BE(description.length, 1);
  const pages = Buffer.alloc(3000, 6);
  return Buffer.concat([
    header,
    Buffer.from(XML),
    Buffer.from(stream, 'latin1'),
    pages,
    end,
    Buffer.from(description),
  ]);
}
