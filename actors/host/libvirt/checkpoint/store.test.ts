/** The index on disk: what is half done is no checkpoint, and the note of an operation tells whether its process lives. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Manifest } from './manifest.ts';
import { noting, readNote } from './operation-note.ts';
import { CheckpointStore } from './store.ts';

let folder: string;
let store: CheckpointStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'store-'));
  store = await CheckpointStore.open(folder);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('needs an absolute folder', async () => {
  await expect(CheckpointStore.open('here')).rejects.toMatchObject({
    code: 'invalid-field',
    field: 'storeDir',
  });
});

test('a checkpoint is there once it is published, oldest first', async () => {
  await write('later', 2);
  await write('earlier', 1);
  expect((await store.list('d')).map(({ id }) => id)).toEqual(['earlier', 'later']);
  expect(await store.find('d', 'later')).toEqual(manifest('later', 2));
  expect(await store.domains()).toEqual(['d']);
  await store.remove('d', 'later');
  await store.remove('d', 'later');
  expect(await store.find('d', 'later')).toBeUndefined();
});

test('what never became one, or was being removed, is a leftover', async () => {
  await write('whole', 1);
  await store.begin('d', 'begun');
  await writeFile(store.partial('d', 'begun'), 'half');
  await write('removed', 2);
  await rm(join(folder, 'd/checkpoints/removed/checkpoint.json'));
  await write('unreadable', 3);
  await writeFile(join(folder, 'd/checkpoints/unreadable/checkpoint.json'), '{');
  expect((await store.list('d')).map(({ id }) => id)).toEqual(['whole']);
  await store.removeLeftovers('d');
  expect((await readdir(join(folder, 'd/checkpoints'))).sort()).toEqual(['unreadable', 'whole']);
});

test('nothing is left of a domain that has nothing', async () => {
  await write('only', 1);
  await mkdir(store.disks('d'));
  await store.tidy('d');
  expect(await readdir(join(folder, 'd'))).toEqual(['checkpoints']);
  await store.remove('d', 'only');
  await store.tidy('d');
  expect(await readdir(folder)).toEqual([]);
});

test('an operation is noted while it is under way', async () => {
  const path = store.note('d');
  await noting(path, 'take', async () => {
    expect(await readNote(path)).toEqual({ kind: 'take', alive: true });
  });
  expect(await readNote(path)).toBeUndefined();
  await expect(noting(path, 'merge', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await readNote(path)).toBeUndefined();
});

test.each([
  ['that ended', { pid: 2 ** 22 + 1, started: '5' }],
  ['whose number another one has now', { pid: process.pid, started: '5' }],
])('a process %s is dead', async (_, process_) => {
  await mkdir(join(folder, 'd'));
  await writeFile(store.note('d'), JSON.stringify({ kind: 'roll-back', ...process_ }));
  expect(await readNote(store.note('d'))).toEqual({ kind: 'roll-back', alive: false });
});

async function write(id: string, at: number): Promise<void> {
  await store.begin('d', id);
  await writeFile(store.partial('d', id), 'memory');
  await store.publish(manifest(id, at));
}

function manifest(id: string, at: number): Manifest {
  const allocation = { cores: 1, vcpus: 1, memoryMiB: 96 };
  const memory = { bytes: 6, digest: 'd', changed: 'c' };
  const times = { at, pausedMs: 1, verifiedAt: at };
  return {
    version: 1,
    id,
    domain: 'd',
    jobId: 'j',
    uuid: 'u',
    ...times,
    allocation,
    limit: allocation,
    memory,
    disks: [],
  };
}
