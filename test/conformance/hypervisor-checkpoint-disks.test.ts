/** Domains with disks: they go back with the memory, their layers stay few, and nothing of them is left. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createLibvirtHypervisor } from '../../actors/host/libvirt/mod.ts';
import type { DomainSpec } from '../../actors/host/mod.ts';
import { ensureGuestImage } from '../../deploy/guest/mod.ts';
import { findLibvirtd } from './hypervisor-checkpoint-daemon.ts';
import { CommandedGuest } from './hypervisor-checkpoint-guest.ts';

const folder = await mkdtemp(join(tmpdir(), 'sgd-'));
const daemon = await findLibvirtd(folder);
const WAIT_MS = 240_000;

describe.skipIf(daemon === undefined)('checkpoints with disks', async () => {
  if (daemon === undefined) return;
  const name = `disks-${process.pid}`;
  const runDir = join(folder, 'guests');
  const layersFolder = join(runDir, 'store', name, 'disks');
  const base = join(folder, 'base.raw');
  await writeFile(base, 'from the base'.padEnd(1024 * 1024, '.'));
  const hypervisor = await createLibvirtHypervisor({ uri: daemon.uri, runDir });
  const allocation = { cores: 1.5, vcpus: 1, memoryMiB: 96 };
  const spec: DomainSpec = {
    name,
    jobId: 'disks',
    image: await ensureGuestImage(),
    allocation,
    limit: allocation,
    disks: [{ sizeMiB: 16 }, { sizeMiB: 8, base }],
  };
  const guest = new CommandedGuest(() => hypervisor, name);
  const write = (disk: string, text: string) =>
    guest.run(`printf %-16s '${text}' | dd of=/dev/${disk} bs=16 conv=notrunc 2>/dev/null; sync`);
  const read = async (disk: string) => {
    // Past the guest's cache: what it remembers is part of the checkpoint, what we want to see is the disk.
    const text = await guest.run(
      `echo 3 > /proc/sys/vm/drop_caches; dd if=/dev/${disk} bs=16 count=1 2>/dev/null`,
    );
    return text.trim();
  };

  afterAll(async () => {
    await hypervisor.destroy(name);
    await hypervisor[Symbol.asyncDispose]();
    await daemon.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test.each([
    ['disks[0].sizeMiB', [{ sizeMiB: 0 }]],
    ['disks[1].sizeMiB', [{ sizeMiB: 8 }, { sizeMiB: 1.5 }]],
    ['disks[0].base', [{ sizeMiB: 8, base: 'relative' }]],
    ['disks[0].base', [{ sizeMiB: 8, base: '/nonexistent.qcow2' }]],
    ['disks[0].base', [{ sizeMiB: 8, base: '/etc/\u0007' }]],
    ['disks', Array.from({ length: 17 }, () => ({ sizeMiB: 1 }))],
  ])('refuses a bad %s', async (field, disks) => {
    const refused = hypervisor.create({ ...spec, disks });
    await expect(refused).rejects.toMatchObject({ code: 'invalid-field', field, hint: expect.any(String) });
    expect(await readdir(layersFolder).catch(() => [])).toEqual([]);
  });

  test('a disk must hold its base', async () => {
    await writeFile(join(folder, 'large.raw'), Buffer.alloc(3 * 1024 * 1024));
    const disks = [{ sizeMiB: 2, base: join(folder, 'large.raw') }];
    const refused = hypervisor.create({ ...spec, disks });
    await expect(refused).rejects.toMatchObject({ field: 'disks[0].sizeMiB', hint: 'at least 3' });
  });

  test('the guest has its disks, with what their base holds', { timeout: WAIT_MS }, async () => {
    await hypervisor.create(spec);
    expect(await read('vdb')).toBe('from the base...');
    const sizes = await guest.run("grep vd /proc/partitions | tr -s ' '");
    expect(sizes).toMatch(/16384 vda[\s\S]* 8192 vdb/);
  });

  test('disks go back and forth with the memory', { timeout: WAIT_MS }, async () => {
    const { checkpoints } = hypervisor;
    for (const text of ['one', 'two', 'three']) {
      await write('vda', text);
      await write('vdb', `${text} of b`);
      await checkpoints.take(name, { id: text });
    }
    await write('vda', 'lost');
    await checkpoints.rollBack(name, 'one');
    expect([await read('vda'), await read('vdb')]).toEqual(['one', 'one of b']);
    await write('vda', 'another branch');
    await checkpoints.rollBack(name, 'three');
    expect([await read('vda'), await read('vdb')]).toEqual(['three', 'three of b']);
    await checkpoints.rollBack(name, 'two');
    expect([await read('vda'), await read('vdb')]).toEqual(['two', 'two of b']);
    await checkpoints.verify(name, 'three');
  });

  test('layers that no checkpoint needs are merged', { timeout: WAIT_MS }, async () => {
    const { checkpoints } = hypervisor;
    for (const text of ['four', 'five', 'six', 'seven']) {
      await write('vda', text);
      await checkpoints.take(name, { id: text, keep: 2 });
    }
    expect((await checkpoints.list(name)).map(({ id }) => id)).toEqual(['six', 'seven']);
    // For each disk: one of each checkpoint, and the one that is written.
    expect((await readdir(layersFolder)).length).toBeLessThanOrEqual(2 * 3);
    await checkpoints.rollBack(name, 'six');
    expect([await read('vda'), await read('vdb')]).toEqual(['six', 'two of b']);
    await checkpoints.remove(name, 'seven');
    await checkpoints.remove(name, 'six');
    expect((await readdir(layersFolder)).length).toBe(2);
    expect([await read('vda'), await read('vdb')]).toEqual(['six', 'two of b']);
  });

  test('a checkpoint without its layer is refused', { timeout: WAIT_MS }, async () => {
    const { checkpoints } = hypervisor;
    await checkpoints.take(name, { id: 'whole' });
    await write('vda', 'newer');
    await hypervisor.destroy(name);
    const [layer = ''] = await readdir(layersFolder);
    await rm(join(layersFolder, layer));
    const refused = { code: 'checkpoint-damaged', message: expect.stringContaining(layer) };
    await expect(checkpoints.verify(name, 'whole')).rejects.toMatchObject(refused);
    await expect(checkpoints.rollBack(name, 'whole')).rejects.toMatchObject(refused);
    await checkpoints.remove(name, 'whole');
    expect(await readdir(join(runDir, 'store'))).toEqual([]);
  });
});
