/** Says on disk which operation is under way on a domain and in which process, so that a later one can undo it. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';

const noteSchema = z.object({
  kind: z.enum(['create', 'take', 'roll-back', 'merge']),
  pid: z.number(),
  /** When that process started: its number may be given to another one. */
  started: z.string(),
});

type Note = z.infer<typeof noteSchema>;
export type OperationKind = Note['kind'];

/** Runs `task` with the note in place. It is taken away when `task` is over: it has undone what it began. */
export async function noting<T>(path: string, kind: OperationKind, task: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const note: Note = { kind, pid: process.pid, started: (await startOf(process.pid)) ?? '' };
  await writeFile(`${path}.new`, JSON.stringify(note), { mode: 0o600 });
  await rename(`${path}.new`, path);
  try {
    return await task();
  } finally {
    await rm(path, { force: true });
  }
}

/** What was under way; `alive`: it still is, in a process that runs. */
export async function readNote(
  path: string,
): Promise<{ readonly kind: OperationKind; readonly alive: boolean } | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const { kind, pid, started } = noteSchema.parse(JSON.parse(text));
  return { kind, alive: (await startOf(pid)) === started };
}

/** Field 22 of /proc/PID/stat, counted after the command's name, which may hold anything. */
async function startOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}
