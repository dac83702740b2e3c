/** Finds the newest nats-server obtainable: named, cached, fetched from a newer Debian, Debian's own, or on PATH. */
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheRoot, publishDirectory } from '../setup/cache/mod.ts';
import { type AptOptions, download, privateIndex, systemIndex, unpack } from '../setup/debian/mod.ts';
import { runCommand } from '../setup/process/mod.ts';
import { NatsServerMissing } from './errors.ts';
import { compareVersions } from './features.ts';

export interface NatsServerBinary {
  readonly path: string;
  /** `2.15.1` */
  readonly version: string;
}

export interface EnsureNatsServerOptions {
  /** Default: the machine's cache, see cacheRoot. */
  readonly cache?: string;
  readonly onProgress?: (line: string) => void;
  /** `SHADOWGRID_NATS_SERVER` names the one to use. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Newest first. All of them run on Debian 12: the binary needs no library but the C library. */
const SUITES = ['sid', 'forky', 'trixie'] as const;

/** Warm: about 30 ms, no network. */
export async function ensureNatsServer(options: EnsureNatsServerOptions = {}): Promise<NatsServerBinary> {
  const found =
    (await ownNatsServer(options)) ??
    (await fetchNewest(cacheOf(options), options.onProgress ?? (() => {}))) ??
    (await onPath());
  if (found === undefined)
    throw new NatsServerMissing('no nats-server is installed and none could be fetched');
  return found;
}

/** What {@link ensureNatsServer} would use without fetching anything. */
export async function findNatsServer(
  options: EnsureNatsServerOptions = {},
): Promise<NatsServerBinary | undefined> {
  return (await ownNatsServer(options)) ?? (await onPath());
}

async function ownNatsServer(options: EnsureNatsServerOptions): Promise<NatsServerBinary | undefined> {
  const named = (options.env ?? process.env).SHADOWGRID_NATS_SERVER;
  if (!named) return newestCached(cacheOf(options));
  const version = await versionOf(named);
  if (version !== undefined) return { path: named, version };
  throw new NatsServerMissing(`SHADOWGRID_NATS_SERVER is ${named}, which does not run`);
}

const cacheOf = (options: EnsureNatsServerOptions) => join(options.cache ?? cacheRoot(), 'nats-server');

async function onPath(): Promise<NatsServerBinary | undefined> {
  const version = await versionOf('nats-server');
  return version === undefined ? undefined : { path: 'nats-server', version };
}

/** Version that the binary reports, undefined if it does not run. */
async function versionOf(path: string): Promise<string | undefined> {
  const { stdout } = await runCommand(path, ['--version'], { check: false, timeoutMs: 5000 });
  return /v?(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
}

async function newestCached(root: string): Promise<NatsServerBinary | undefined> {
  const versions = (await readdir(root).catch(() => [])).filter((name) => /^\d+\.\d+\.\d+[^/]*$/.test(name));
  const newest = versions
    .filter((name) => !name.includes('draft'))
    .sort(compareVersions)
    .at(-1);
  if (newest === undefined) return undefined;
  const path = join(root, newest, 'nats-server');
  const version = await versionOf(path);
  return version === undefined ? undefined : { path, version };
}

async function fetchNewest(
  root: string,
  onProgress: (line: string) => void,
): Promise<NatsServerBinary | undefined> {
  const scratch = await mkdtemp(join(tmpdir(), 'shadowgrid-nats-'));
  try {
    const mirror = await debianMirror();
    for (const suite of mirror === undefined ? [] : SUITES) {
      onProgress(`nats-server: looking in Debian ${suite}`);
      const index = () => privateIndex(join(scratch, suite), sourceLine(mirror ?? '', suite));
      const found = await fetchFrom(index, join(scratch, suite), root).catch(() => undefined);
      if (found !== undefined) return report(found, onProgress);
    }
    onProgress("nats-server: using this Debian's own");
    const found = await fetchFrom(async () => systemIndex(), join(scratch, 'own'), root).catch(
      () => undefined,
    );
    return found && report(found, onProgress);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function report(found: NatsServerBinary, onProgress: (line: string) => void): NatsServerBinary {
  onProgress(`nats-server: ${found.version}`);
  return found;
}

/** Undefined if what was fetched does not run here. */
async function fetchFrom(
  index: () => Promise<AptOptions>,
  scratch: string,
  root: string,
): Promise<NatsServerBinary | undefined> {
  const debs = join(scratch, 'debs');
  await mkdir(debs, { recursive: true });
  const [deb] = await download(['nats-server'], debs, await index());
  if (deb === undefined) return undefined;
  await unpack(deb.file, join(scratch, 'files'));
  const unpacked = join(scratch, 'files', 'usr/sbin/nats-server');
  const version = await versionOf(unpacked);
  if (version === undefined) return undefined;
  const directory = join(root, version);
  await publishDirectory(directory, async (draft) => {
    await copyFile(unpacked, join(draft, 'nats-server'));
    await chmod(join(draft, 'nats-server'), 0o755);
  });
  return { path: join(directory, 'nats-server'), version };
}

const sourceLine = (mirror: string, suite: string) =>
  `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} ${suite} main\n`;

/** The Debian mirror that this machine's own apt sources name. */
async function debianMirror(): Promise<string | undefined> {
  const folder = '/etc/apt/sources.list.d';
  const more = (await readdir(folder).catch(() => [])).filter((name) => /[.](list|sources)$/.test(name));
  for (const file of ['/etc/apt/sources.list', ...more.map((name) => join(folder, name))]) {
    const text = await readFile(file, 'utf8').catch(() => '');
    const lines = text.split('\n').filter((line) => !line.trimStart().startsWith('#'));
    const mirror = /https?:\/\/\S+\/debian\/?(?=\s|$)/.exec(lines.join('\n'));
    if (mirror !== null) return mirror[0];
  }
  return undefined;
}
