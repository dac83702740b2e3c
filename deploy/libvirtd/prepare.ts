/** The folders and files that a libvirtd of our own reads, and how to start it over them. */
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { libvirtdConfiguration, qemuConfiguration, withLibvirtUser } from './configuration.ts';

/** Script that runs libvirtd and reaps what its guests leave; its arguments are libvirtd's. */
export const REAPER = join(import.meta.dirname ?? '.', 'reaper.pl');

interface Folders {
  readonly runDir: string;
  readonly stateDir: string;
}

/** Writes configuration, users and folders. Returns the command, for root, that runs libvirtd over them in the foreground. */
export async function prepareLibvirtd({ runDir, stateDir }: Folders): Promise<readonly string[]> {
  const folders = ['etc', 'lib', 'cache', 'log'].map((name) => join(stateDir, name));
  for (const folder of [...folders, join(runDir, 'libvirt')])
    await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(runDir, 0o700);
  const users = withLibvirtUser(await readFile('/etc/passwd', 'utf8'), await readFile('/etc/group', 'utf8'));
  await writeFile(join(stateDir, 'passwd'), users.passwd);
  await writeFile(join(stateDir, 'group'), users.group);
  await writeFile(join(stateDir, 'etc', 'qemu.conf'), qemuConfiguration());
  // Inside its namespace the daemon sees stateDir/log in place of the system's folder; the file is the same.
  const log = join(stateDir, 'log', 'libvirtd.log');
  const configuration = libvirtdConfiguration({ hostUuid: await hostUuid(stateDir), logFile: log });
  await writeFile(join(stateDir, 'etc', 'libvirtd.conf'), configuration);
  const launcher = join(import.meta.dirname ?? '.', 'launch.sh');
  return ['unshare', '--mount', '--propagation', 'private', 'sh', launcher, stateDir, runDir];
}

/** Kept in `stateDir`, so that a restarted daemon is the same host. */
export async function hostUuid(stateDir: string): Promise<string> {
  const file = join(stateDir, 'host-uuid');
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  if (kept !== undefined) return kept.trim();
  const fresh = randomUUID();
  await writeFile(file, fresh);
  return fresh;
}
