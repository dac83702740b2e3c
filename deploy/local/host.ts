/** The one host of a local grid: libvirt of the grid's own, or one that only pretends. */
import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createLibvirtHypervisor } from '../../actors/host/libvirt/mod.ts';
import type { GuestImage, Hypervisor } from '../../actors/host/mod.ts';
import { createSimulatedHypervisor } from '../../actors/host/simulated/mod.ts';
import { systemClock } from '../../runtime/mod.ts';
import { ensureGuestImage } from '../guest/mod.ts';
import { ensureLibvirtd, type Libvirtd } from '../libvirtd/mod.ts';
import { detectAcceleration } from './acceleration.ts';
import type { GridPaths } from './paths.ts';
import { Supervision } from './supervision.ts';

export interface LocalHost {
  readonly open: () => Promise<Hypervisor>;
  readonly image: GuestImage;
  readonly libvirtdCare?: Supervision<Libvirtd>;
}

/** Libvirtd runs and is supervised; what was started is stopped again by `undo`. */
export async function libvirtHost(
  paths: GridPaths,
  onProgress: (line: string) => void,
  warn: (message: string) => void,
  undo: AsyncDisposableStack,
): Promise<LocalHost> {
  const place = { runDir: paths.run, stateDir: paths.libvirtState };
  const libvirtd = await ensureLibvirtd({ ...place, onProgress });
  const libvirtdCare = new Supervision({
    name: 'libvirtd',
    daemon: libvirtd,
    start: () => ensureLibvirtd(place),
    warn,
  });
  undo.defer(() => removeEmpty(paths.run));
  undo.defer(async () => {
    const now = await libvirtdCare.stop();
    if (libvirtd.origin === 'started') await now.stop();
  });
  const image = await ensureGuestImage({ onProgress });
  const acceleration = await detectAcceleration(image, onProgress);
  const open = () => createLibvirtHypervisor({ uri: libvirtd.uri, runDir: paths.run, acceleration });
  return { open, image, libvirtdCare };
}

/** Removes a folder with nothing but folders in it. */
async function removeEmpty(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) await removeEmpty(join(folder, name));
  await rmdir(folder).catch(() => {}); // A file, or a folder with one in it: somebody's still.
}

export async function simulatedHost(): Promise<LocalHost> {
  const open = async () => createSimulatedHypervisor({ clock: systemClock, seed: 1 });
  return { open, image: { name: 'tiny', kernel: '/simulated/vmlinuz', initrd: '/simulated/initrd' } };
}
