/** Takes a lab down without a trace, whoever started it and however that ended. */
import { readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pollUntil } from '../setup/process/mod.ts';
import { findHierarchies, membersBelow, removeGroups } from './cgroups.ts';
import { LabStuck } from './errors.ts';
import { hostPlaces, idOf, type LabFolders } from './place.ts';
import { labProcesses } from './processes.ts';
import { readRecord, recordFile } from './record.ts';

/** More hosts than one machine can have: the names of the alphabet. */
export const MOST_HOSTS = 26;
const DEADLINE_MS = 30_000;

/** Ends hosts and guests, removes groups and files. Returns whether there was anything. What is not the lab's stays. */
export async function removeLab(folders: LabFolders): Promise<boolean> {
  const record = await readRecord(folders.runDir);
  const lab = { ...folders, stateDir: record?.stateDir ?? folders.stateDir };
  const groups = new Set([...(record?.cgroups ?? []), ...(await labGroups(lab.runDir))]);
  const seen = new Set<number>();
  const gone = await pollUntil(async () => {
    const marked = (await labProcesses(lab)).map(({ pid }) => pid);
    const grouped = await Promise.all([...groups].map(membersBelow));
    const pids = new Set([...marked, ...grouped.flat()]);
    pids.delete(process.pid);
    for (const pid of pids) {
      kill(pid);
      seen.add(pid);
    }
    // One that is about to end has neither environment nor group any more, but still its namespaces.
    const left = await Promise.all([...seen].map(hasEnded));
    if (pids.size > 0 || left.includes(false)) return undefined;
    const removed = await Promise.all([...groups].map(removeGroups));
    return removed.every(Boolean) || undefined;
  }, DEADLINE_MS);
  if (gone === undefined) {
    const left = (await labProcesses(lab)).map(({ pid, command }) => `${command} (${pid})`);
    throw new LabStuck(lab.runDir, left);
  }
  await removeFiles(lab);
  return record !== undefined || seen.size > 0;
}

/** Folders that the lab's cgroups have, or would have. */
export async function labGroups(runDir: string): Promise<string[]> {
  if (process.getuid?.() !== 0) return [];
  return (await findHierarchies()).map(({ base }) => join(base, groupName(runDir)));
}

export function groupName(runDir: string): string {
  return `shadowgrid-lab-${idOf(runDir)}`;
}

/** Dead, whether or not somebody has taken note of it. */
async function hasEnded(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat === '' || /^\d+ \(.*\) [ZX]/s.test(stat);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It was gone first.
  }
}

/** Only what a lab makes: a state directory that was somebody's before stays, with what is his. */
async function removeFiles(lab: LabFolders): Promise<void> {
  const ours = { recursive: true, force: true } as const;
  for (const { runDir, stateDir } of hostPlaces(lab, 'root', MOST_HOSTS)) {
    await rm(runDir, ours);
    await rm(stateDir, ours);
  }
  for (const name of ['migrations', 'switch.pid', 'lab.log']) await rm(join(lab.runDir, name), ours);
  await rm(join(lab.stateDir, 'shared'), ours);
  // Last: as long as it is there, whoever comes knows that something is.
  await rm(recordFile(lab.runDir), ours);
  for (const folder of [lab.stateDir, lab.runDir]) await rmdir(folder).catch(() => {});
}
