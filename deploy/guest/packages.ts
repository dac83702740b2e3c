/** Fetches what the guest takes from Debian: a kernel made for virtual machines, and busybox. */
import { access, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type AptOptions,
  dependsOn,
  download,
  PackageUnavailable,
  privateIndex,
  systemIndex,
  unpack,
} from '../setup/debian/mod.ts';

const KERNEL_PACKAGE = 'linux-image-cloud-amd64';

export interface GuestPackages {
  /** Path of the kernel. */
  readonly kernel: string;
  /** Folder of the kernel's modules: lib/modules/VERSION. */
  readonly modules: string;
  /** Path of busybox, statically linked. */
  readonly busybox: string;
  /** `linux-image-6.1.0-cloud-amd64 6.1.1-1`, ... */
  readonly versions: readonly string[];
}

/** Downloads and unpacks below `scratch`; installs nothing and needs no root. */
export async function fetchGuestPackages(scratch: string): Promise<GuestPackages> {
  const debs = join(scratch, 'debs');
  const files = join(scratch, 'files');
  await mkdir(debs);
  await mkdir(files);
  // The machine's index may be missing or name versions that are gone: then one of our own is fetched.
  const fetched = await fetchWith(systemIndex(), debs).catch(async () =>
    fetchWith(await privateIndex(join(scratch, 'index')), debs),
  );
  for (const deb of fetched) await unpack(deb.file, files);
  const [version] = await readdir(await modulesFolder(files));
  if (version === undefined) throw new PackageUnavailable(KERNEL_PACKAGE);
  return {
    kernel: join(files, 'boot', `vmlinuz-${version}`),
    modules: join(await modulesFolder(files), version),
    busybox: await firstOf(join(files, 'bin/busybox'), join(files, 'usr/bin/busybox')),
    versions: fetched.map((deb) => `${deb.name} ${deb.version}`),
  };
}

async function fetchWith(apt: AptOptions, directory: string) {
  // The meta package names the newest kernel of the release.
  const kernel = (await dependsOn(KERNEL_PACKAGE, apt)).find((name) => name.startsWith('linux-image-'));
  if (kernel === undefined) throw new PackageUnavailable(KERNEL_PACKAGE);
  return download([kernel, 'busybox-static'], directory, apt);
}

/** Newer Debian packages put everything below /usr. */
const modulesFolder = (files: string) => firstOf(join(files, 'lib/modules'), join(files, 'usr/lib/modules'));

async function firstOf(one: string, other: string): Promise<string> {
  return access(one).then(
    () => one,
    () => other,
  );
}
