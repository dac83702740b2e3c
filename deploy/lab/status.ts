/** What is known of the lab in some folders: whether it lives, and how its hosts are. */
import { answers } from '../libvirtd/mod.ts';
import { runCommand } from '../setup/process/mod.ts';
import type { HostLimits } from './cgroups.ts';
import { type HostPlace, hostPlaces, type LabFolders, type LabMode } from './place.ts';
import { ownerLives, readRecord } from './record.ts';

export interface LabHostStatus {
  readonly name: string;
  readonly uri: string;
  /** Where sockets and consoles of its guests may be. */
  readonly runDir: string;
  readonly answers: boolean;
  /** Names of the guests that run on it. */
  readonly guests: readonly string[];
}

export interface LabStatus {
  readonly mode: LabMode;
  /** False: nobody's any more, or none of its hosts answers; the next start removes it. */
  readonly lives: boolean;
  /** Process that it ends with; undefined if it was told to stay. */
  readonly owner?: number;
  readonly limits?: HostLimits;
  readonly hosts: readonly LabHostStatus[];
}

/** Undefined if there is no lab. */
export async function labStatus(folders: LabFolders): Promise<LabStatus | undefined> {
  const record = await readRecord(folders.runDir);
  if (record === undefined) return undefined;
  const { mode, owner, limits, stateDir } = record;
  const hosts = await Promise.all(hostPlaces({ ...folders, stateDir }, mode, record.hosts).map(statusOf));
  const lives = owner === undefined ? hosts.some((host) => host.answers) : await ownerLives(record);
  return {
    mode,
    lives,
    hosts,
    ...(owner !== undefined && { owner: owner.pid }),
    ...(limits !== undefined && { limits }),
  };
}

async function statusOf({ name, uri, guestDir }: HostPlace): Promise<LabHostStatus> {
  const host = { name, uri, runDir: guestDir };
  if (!(await answers(uri))) return { ...host, answers: false, guests: [] };
  const list = ['-q', '-c', uri, 'list', '--name'];
  const { stdout } = await runCommand('virsh', list, { check: false, timeoutMs: 10_000 });
  return { ...host, answers: true, guests: stdout.split('\n').filter((line) => line !== '') };
}
