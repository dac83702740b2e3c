/** The note that a lab leaves of itself, by which whoever comes later finds it, or what is left of it. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { LabFolders } from './place.ts';

const schema = z.object({
  mode: z.enum(['root', 'session']),
  stateDir: z.string(),
  hosts: z.number().int().positive(),
  /** Process that the lab belongs to; none: it was told to stay. */
  owner: z.object({ pid: z.number(), startedAt: z.string() }).optional(),
  limits: z.object({ cores: z.number(), memoryMiB: z.number() }).optional(),
  /** Folders of the lab's cgroups, written down before they are made. */
  cgroups: z.array(z.string()),
});

export type LabRecord = z.infer<typeof schema>;

export function recordFile(runDir: string): string {
  return join(runDir, 'lab.json');
}

/** Undefined if there is none, or none that can be read. */
export async function readRecord(runDir: string): Promise<LabRecord | undefined> {
  const text = await readFile(recordFile(runDir), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

export async function writeRecord({ runDir }: Pick<LabFolders, 'runDir'>, record: LabRecord): Promise<void> {
  await mkdir(runDir, { recursive: true, mode: 0o700 });
  const draft = `${recordFile(runDir)}.${process.pid}`;
  await writeFile(draft, JSON.stringify(record));
  await rename(draft, recordFile(runDir));
}

/** This process, as the owner of a lab. */
export async function ourselves(): Promise<{ pid: number; startedAt: string }> {
  return { pid: process.pid, startedAt: (await startOf(process.pid)) ?? '' };
}

/** Whether the lab's owner lives: the pid alone may be somebody else's by now. */
export async function ownerLives(record: LabRecord): Promise<boolean> {
  if (record.owner === undefined) return false;
  return (await startOf(record.owner.pid)) === record.owner.startedAt;
}

/** When a process started, in the kernel's ticks. */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : fields[19];
}
