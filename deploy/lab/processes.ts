/** The processes of a lab, found by the mark in their environment: no pid file has to be believed. */
import { readdir, readFile } from 'node:fs/promises';
import { LAB_MARK, type LabFolders } from './place.ts';

export interface LabProcess {
  readonly pid: number;
  /** As the kernel calls it, at most 15 characters. */
  readonly command: string;
  /** Name of the host it belongs to; none: the switch, or a guest of a user's daemon. */
  readonly host?: string;
}

/** Environment, as arguments of env(1), that marks a process and its children. */
export function markOf({ runDir }: Pick<LabFolders, 'runDir'>, host?: string): string[] {
  return [`${LAB_MARK}=${runDir}`, ...(host === undefined ? [] : [`${LAB_MARK}_HOST=${host}`])];
}

/**
 * Every marked process, and the guests of users' daemons: libvirt hands them its own HOME, which is the host's.
 * Guests of root's daemons have neither; they are in the host's PID namespace and cgroups.
 */
export async function labProcesses({ runDir, stateDir }: LabFolders): Promise<LabProcess[]> {
  const pids = (await readdir('/proc')).filter(
    (entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid,
  );
  const found = await Promise.all(
    pids.map(async (entry) => {
      const text = await readFile(`/proc/${entry}/environ`, 'utf8').catch(() => '');
      const environment = text.split('\0');
      const ours =
        environment.includes(`${LAB_MARK}=${runDir}`) ||
        environment.some((variable) => variable.startsWith(`HOME=${stateDir}/`));
      if (!ours) return [];
      const command = (await readFile(`/proc/${entry}/comm`, 'utf8').catch(() => '')).trim();
      const host = environment.find((variable) => variable.startsWith(`${LAB_MARK}_HOST=`))?.split('=')[1];
      return [{ pid: Number(entry), command, ...(host !== undefined && { host }) }];
    }),
  );
  return found.flat();
}
