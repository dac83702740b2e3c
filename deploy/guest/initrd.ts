/** Packs the guest's initramfs: busybox, kernel modules, the agent and the workload, both compiled here. */
import { Buffer } from 'node:buffer';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { runCommand } from '../setup/process/mod.ts';
import { type ArchiveEntry, directory, executable, file, writeCpio } from './cpio.ts';
import { GuestBuildFailed } from './errors.ts';
import type { GuestPackages } from './packages.ts';
import { SOURCE_ROOT } from './sources.ts';

/** Loaded in this order: each needs only those before it. */
const MODULES = [
  'drivers/virtio/virtio_ring',
  'drivers/virtio/virtio',
  'drivers/virtio/virtio_pci_modern_dev',
  'drivers/virtio/virtio_pci_legacy_dev',
  'drivers/virtio/virtio_pci',
  'drivers/virtio/virtio_balloon',
  'drivers/char/virtio_console',
  'drivers/virtio/virtio_mem',
  'drivers/block/virtio_blk',
  'net/core/failover',
  'drivers/net/net_failover',
  'drivers/net/virtio_net',
] as const;

/** The initramfs, compressed. */
export async function packInitrd(packages: GuestPackages, scratch: string): Promise<Uint8Array> {
  const [agent, workload, busybox, init, modules] = await Promise.all([
    compile('agent', scratch),
    compile('workload', scratch),
    readFile(packages.busybox),
    readFile(join(SOURCE_ROOT, 'init')),
    loadModules(packages.modules, scratch),
  ]);
  const archive = writeCpio([
    ...['bin', 'dev', 'lib', 'mnt', 'proc', 'run', 'sys', 'tmp'].map(directory),
    executable('init', init),
    executable('bin/busybox', busybox),
    executable('bin/agent', agent),
    executable('bin/workload', workload),
    file('lib/modules.order', Buffer.from(modules.map((module) => `${module.name}\n`).join(''))),
    ...modules.map((module): ArchiveEntry => file(`lib/${module.name}.ko`, module.content)),
  ]);
  return promisify(gzip)(archive, { level: 9 });
}

/** Compiles the C files of one folder into a program that needs no library in the guest. */
async function compile(folder: string, scratch: string): Promise<Uint8Array> {
  const sources = (await readdir(join(SOURCE_ROOT, folder))).filter((name) => name.endsWith('.c')).sort();
  const program = join(scratch, folder);
  await runCommand(
    'gcc',
    [
      '-std=gnu11',
      '-O2',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-static',
      '-s',
      '-pthread',
      '-o',
      program,
      ...sources,
      '-lm',
    ],
    { cwd: join(SOURCE_ROOT, folder) },
  );
  return readFile(program);
}

async function loadModules(root: string, scratch: string): Promise<{ name: string; content: Uint8Array }[]> {
  const builtIn = await readFile(join(root, 'modules.builtin'), 'utf8');
  const loadable = MODULES.filter((module) => !builtIn.includes(`kernel/${module}.ko`));
  return Promise.all(
    loadable.map(async (module) => {
      const name = module.slice(module.lastIndexOf('/') + 1);
      return {
        name,
        content: await loadModule(join(root, 'kernel', `${module}.ko`), join(scratch, `${name}.ko`)),
      };
    }),
  );
}

/** Newer Debian kernels have their modules compressed. */
async function loadModule(path: string, copy: string): Promise<Uint8Array> {
  const plain = await readFile(path).catch(() => undefined);
  if (plain === undefined) {
    await runCommand('sh', ['-c', 'xz -dc "$1" > "$2"', 'sh', `${path}.xz`, copy]).catch((cause: unknown) => {
      throw new GuestBuildFailed(`reading the kernel module ${path}`, cause);
    });
  }
  await runCommand('strip', ['--strip-debug', '-o', copy, plain === undefined ? copy : path]);
  return readFile(copy);
}
