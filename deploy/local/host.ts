/** The hosts of a local grid: libvirt of the grid's own, several in a lab, or some that only pretend. */
import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createLibvirtHypervisor } from '../../actors/host/libvirt/mod.ts';
import type { GuestImage, Hypervisor } from '../../actors/host/mod.ts';
import { createSimulatedHypervisor } from '../../actors/host/simulated/mod.ts';
import { InvalidRequest } from '../../actors/job/mod.ts';
import { systemClock } from '../../runtime/mod.ts';
import { ensureGuestImage } from '../guest/mod.ts';
import { type Lab, type LabHost, openLab, startLab } from '../lab/mod.ts';
import { ensureLibvirtd } from '../libvirtd/mod.ts';
import { detectAcceleration } from './acceleration.ts';
import type { GridPaths } from './paths.ts';
import { type Daemon, Supervision } from './supervision.ts';

export interface LocalHosts {
  readonly hosts: readonly { readonly name: string; readonly open: () => Promise<Hypervisor> }[];
  readonly image: GuestImage;
  /** Ends what runs the VMs, or with `keep` leaves it to itself. Resolves with what is left running. */
  stop(options: { readonly keep: boolean }): Promise<string[]>;
}

export interface Surroundings {
  readonly paths: GridPaths;
  /** Name of the one host; of several, what their names begin with. */
  readonly node: string;
  readonly onProgress: (line: string) => void;
  readonly warn: (message: string) => void;
  /** Takes what a start that fails has to undo. */
  readonly undo: AsyncDisposableStack;
}

/** One host: libvirtd runs and is supervised. */
export async function libvirtHost({ paths, node, ...rest }: Surroundings): Promise<LocalHosts> {
  const { onProgress, warn, undo } = rest;
  const place = { runDir: paths.run, stateDir: paths.libvirtState };
  const libvirtd = await ensureLibvirtd({ ...place, onProgress });
  const care = new Supervision({
    name: 'libvirtd',
    daemon: libvirtd,
    start: () => ensureLibvirtd(place),
    warn,
  });
  undo.defer(() => removeEmpty(paths.run));
  undo.defer(async () => {
    const now = await care.stop();
    if (libvirtd.origin === 'started') await now.stop();
  });
  const { image, acceleration } = await guests(onProgress);
  const options = { uri: libvirtd.uri, runDir: paths.run, storeDir: paths.vmStore, acceleration };
  return {
    hosts: [{ name: node, open: () => createLibvirtHypervisor({ ...options, exclusive: true }) }],
    image,
    async stop({ keep }) {
      const now = await care.stop();
      if (!keep) return [...(await now.stop())];
      return now.pid === undefined ? [] : [`libvirtd (pid ${now.pid})`];
    },
  };
}

/** Several hosts on this machine, held apart by a lab; VMs can be moved between them. */
export async function labHosts(count: number, { paths, node, ...rest }: Surroundings): Promise<LocalHosts> {
  const { onProgress, warn, undo } = rest;
  const folders = { runDir: join(paths.run, 'lab'), stateDir: join(paths.state, 'lab') };
  const found = await openLab(folders);
  if (found !== undefined && found.hosts.length !== count) {
    const right = `${found.hosts.length}, or stop that grid without --keep first`;
    throw new InvalidRequest(`a lab of ${found.hosts.length} hosts runs here already`, '--hosts', right);
  }
  const lab = found ?? (await startLab({ ...folders, hosts: count, keep: true, onProgress }));
  if (found === undefined) undo.defer(() => lab.stop());
  const cares = await Promise.all(lab.hosts.map((host) => supervise(host, warn)));
  undo.defer(async () => void (await Promise.all(cares.map((care) => care.stop()))));
  const { image, acceleration } = await guests(onProgress);
  const open = ({ name, uri, runDir, limits }: LabHost) =>
    createLibvirtHypervisor({
      ...{ uri, runDir, acceleration, exclusive: true },
      storeDir: join(paths.vmStore, name),
      ...(limits !== undefined && { capacity: limits }),
    });
  return {
    hosts: lab.hosts.map((host) => ({ name: `${node}-${host.name}`, open: () => open(host) })),
    image,
    async stop({ keep }) {
      await Promise.all(cares.map((care) => care.stop()));
      if (keep) return [`the lab in ${folders.runDir}`];
      await stopLab(lab, paths);
      return [];
    },
  };
}

export async function simulatedHosts(count: number, { node }: Surroundings): Promise<LocalHosts> {
  const names = Array.from({ length: count }, (_, i) => (count === 1 ? node : `${node}-${i + 1}`));
  return {
    hosts: names.map((name, index) => ({
      name,
      open: async () => createSimulatedHypervisor({ clock: systemClock, seed: index + 1, hostname: name }),
    })),
    image: { name: 'tiny', kernel: '/simulated/vmlinuz', initrd: '/simulated/initrd' },
    stop: async () => [],
  };
}

async function guests(onProgress: (line: string) => void) {
  const image = await ensureGuestImage({ onProgress });
  return { image, acceleration: await detectAcceleration(image, onProgress) };
}

async function supervise(host: LabHost, warn: (message: string) => void): Promise<Supervision<Daemon>> {
  const look = async (): Promise<Daemon> => ({
    pid: await host.daemon(),
    running: async () => (await host.daemon()) !== undefined,
  });
  return new Supervision({
    name: `libvirtd of host ${host.name}`,
    daemon: await look(),
    start: async () => {
      await host.startDaemon();
      return await look();
    },
    warn,
  });
}

async function stopLab(lab: Lab, paths: GridPaths): Promise<void> {
  await lab.stop();
  await removeEmpty(paths.run);
}

/** Removes a folder with nothing but folders in it. */
async function removeEmpty(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) await removeEmpty(join(folder, name));
  await rmdir(folder).catch(() => {}); // A file, or a folder with one in it: somebody's still.
}
