/** Checkpoints of the libvirt driver: the suite of all drivers, and what only real disks, files and processes can show. */
import { mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, test } from 'vitest';
import { createLibvirtHypervisor } from '../../actors/host/libvirt/mod.ts';
import { ensureGuestImage } from '../../deploy/guest/mod.ts';
import { findLibvirtd } from './hypervisor-checkpoint-daemon.ts';
import { checkpointSuite } from './hypervisor-checkpoint-suite.ts';

const folder = await mkdtemp(join(tmpdir(), 'sgc-'));
const daemon = await findLibvirtd(folder);

if (daemon === undefined) {
  describe.skip('checkpoints: libvirt (skipped: no libvirt here)', () => {
    test('real guests', () => {});
  });
} else {
  const runDir = join(folder, 'guests');
  const memory = (domain: string, id: string) => join(runDir, 'store', domain, 'checkpoints', id, 'memory');

  checkpointSuite('libvirt', {
    start: async () => ({ image: await ensureGuestImage() }),
    open: () => createLibvirtHypervisor({ uri: daemon.uri, runDir }),
    damage: async (domain, id) => {
      const path = memory(domain, id);
      const file = await open(path, 'r+');
      await file.write('x', Math.floor((await stat(path)).size / 2));
      await file.close();
    },
    leftovers: async (domain) =>
      (await readdir(runDir, { recursive: true })).filter((path) => path.includes(domain)),
    stop: async () => {},
  });

  afterAll(async () => {
    await daemon.stop();
    await rm(folder, { recursive: true, force: true });
  });
}
