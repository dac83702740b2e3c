/** Makes the guest image from Debian packages and our C sources, once; afterwards it comes from the cache. */
import { Buffer } from 'node:buffer';
import { mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheRoot, publishDirectory } from '../setup/cache/mod.ts';
import { COMPILER_PACKAGES, ensureDebianPackages } from '../setup/debian/mod.ts';
import { GuestBuildFailed } from './errors.ts';
import { packInitrd } from './initrd.ts';
import { fetchGuestPackages } from './packages.ts';
import { digest, readSources } from './sources.ts';

export interface GuestImageOptions {
  /** Default: the machine's cache, see cacheRoot. */
  readonly cache?: string;
  readonly onProgress?: (line: string) => void;
}

export interface GuestImageFiles {
  readonly name: 'tiny';
  /** Path of the kernel. */
  readonly kernel: string;
  /** Path of the initramfs. */
  readonly initrd: string;
  /** Identifies what went in: our sources and the versions of the Debian packages. */
  readonly hash: string;
  /** Size of both files together. */
  readonly bytes: number;
}

/** Cold: 5-20 s and network. Warm: a few milliseconds, no network. Any number of processes may call it at once. */
export async function ensureGuestImage(options: GuestImageOptions = {}): Promise<GuestImageFiles> {
  const root = join(options.cache ?? cacheRoot(), 'guest');
  const sources = await readSources();
  // Which packages an image was made of is known only after a download, so a file named after the sources says it.
  const pointer = join(root, `of-sources-${digest(sources)}`);
  const known = await readFile(pointer, 'utf8').catch(() => undefined);
  const cached = known === undefined ? undefined : await openImage(root, known);
  if (cached !== undefined) return cached;

  const hash = await build(root, sources, options.onProgress ?? (() => {}));
  await writeFile(`${pointer}.${process.pid}`, hash);
  await rename(`${pointer}.${process.pid}`, pointer);
  const built = await openImage(root, hash);
  if (built === undefined) throw new GuestBuildFailed('reading it back from the cache');
  return built;
}

async function openImage(root: string, hash: string): Promise<GuestImageFiles | undefined> {
  const kernel = join(root, hash, 'vmlinuz');
  const initrd = join(root, hash, 'initrd.gz');
  const sizes = await Promise.all([stat(kernel), stat(initrd)]).catch(() => undefined);
  if (sizes === undefined) return undefined;
  return { name: 'tiny', kernel, initrd, hash, bytes: sizes[0].size + sizes[1].size };
}

async function build(
  root: string,
  sources: ReadonlyMap<string, Uint8Array>,
  onProgress: (line: string) => void,
): Promise<string> {
  const scratch = await mkdtemp(join(tmpdir(), 'shadowgrid-guest-'));
  try {
    await step('installing the compiler', () => ensureDebianPackages(COMPILER_PACKAGES, { onProgress }));
    onProgress('guest image: fetching the Debian kernel and busybox');
    const packages = await step('fetching packages', () => fetchGuestPackages(scratch));
    const hash = digest(new Map([...sources, ['packages', Buffer.from(packages.versions.join('\n'))]]));
    onProgress('guest image: compiling and packing');
    await publishDirectory(join(root, hash), async (directory) => {
      const initrd = await step('packing', () => packInitrd(packages, scratch));
      await writeFile(join(directory, 'initrd.gz'), initrd);
      await writeFile(join(directory, 'vmlinuz'), await readFile(packages.kernel));
      await writeFile(join(directory, 'packages'), `${packages.versions.join('\n')}\n`);
    });
    onProgress(`guest image: ready, ${packages.versions.join(', ')}`);
    return hash;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function step<T>(name: string, run: () => Promise<T>): Promise<T> {
  return run().catch((cause: unknown) => {
    throw cause instanceof GuestBuildFailed ? cause : new GuestBuildFailed(name, cause);
  });
}
