/** Calls apt with a package index that has what is wanted: the machine's own, or a private one fetched for the purpose. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GridError } from '../../../runtime/mod.ts';
import { CommandFailed, runCommand } from '../process/mod.ts';

/** A Debian package could not be found or fetched. */
export class PackageUnavailable extends GridError {
  constructor(name: string, cause?: unknown) {
    super(
      'package-unavailable',
      `the Debian package ${name} cannot be fetched from this machine's apt sources`,
      {
        hint: 'check the network and /etc/apt/sources.list, then run apt-get update',
        retryable: true,
        cause,
      },
    );
  }
}

/** Options that every apt call gets. */
export type AptOptions = readonly string[];

export interface DownloadedPackage {
  readonly name: string;
  readonly version: string;
  /** Path of the .deb file. */
  readonly file: string;
}

/** The machine's own package index. */
export function systemIndex(): AptOptions {
  return sandbox();
}

/** A package index below `directory`, fetched now; the machine's own stays as it is. Needs no root. */
export async function privateIndex(directory: string, sourceList?: string): Promise<AptOptions> {
  await mkdir(join(directory, 'lists/partial'), { recursive: true });
  await mkdir(join(directory, 'cache/archives/partial'), { recursive: true });
  const options = [
    ...sandbox(),
    ...['-o', `Dir::State::lists=${join(directory, 'lists')}`],
    ...['-o', `Dir::Cache=${join(directory, 'cache')}`],
  ];
  if (sourceList !== undefined) {
    const file = join(directory, 'sources.list');
    await writeFile(file, sourceList);
    options.push('-o', `Dir::Etc::sourcelist=${file}`, '-o', 'Dir::Etc::sourceparts=-');
  }
  // Without network this should be known soon: the caller has other ways to go on.
  const patience = ['-o', 'Acquire::http::Timeout=15', '-o', 'Acquire::Retries=1'];
  await runCommand('apt-get', [...options, ...patience, '-qq', 'update'], { timeoutMs: 180_000 });
  return options;
}

/** Packages that `name` depends on; empty if the index does not know `name`. */
export async function dependsOn(name: string, apt: AptOptions): Promise<string[]> {
  const { stdout } = await runCommand('apt-cache', [...apt, 'depends', name], { check: false });
  return [...stdout.matchAll(/^\s*Depends: ([^\s<]+)$/gm)].map((match) => match[1] ?? '');
}

/** Fetches packages into `directory`; apt checks their signatures. */
export async function download(
  names: readonly string[],
  directory: string,
  apt: AptOptions,
): Promise<DownloadedPackage[]> {
  await runCommand('apt-get', [...apt, '-qq', 'download', ...names], {
    cwd: directory,
    timeoutMs: 300_000,
  }).catch((error: unknown) => {
    throw error instanceof CommandFailed ? new PackageUnavailable(names.join(', '), error) : error;
  });
  const files = (await readdir(directory)).filter((file) => file.endsWith('.deb'));
  return names.map((name) => {
    const file = files.find((candidate) => candidate.startsWith(`${name}_`));
    if (file === undefined) throw new PackageUnavailable(name);
    return { name, version: decodeURIComponent(file.split('_')[1] ?? ''), file: join(directory, file) };
  });
}

/** Unpacks a package's files without installing it. */
export async function unpack(deb: string, directory: string): Promise<void> {
  await runCommand('dpkg-deb', ['-x', deb, directory]);
}

/** apt as root drops to a user that may not read a temporary directory of ours. */
function sandbox(): AptOptions {
  return process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : [];
}
