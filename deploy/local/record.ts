/** The record of a running grid: one per state directory, so that two never share one and clients find it. */
import { readFileSync } from 'node:fs';
import { open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { GridError } from '../../runtime/mod.ts';

const recordSchema = z.object({
  pid: z.number().int().positive(),
  node: z.string(),
  natsUrl: z.string().optional(),
  /** Folder of those who may use its NATS, when that is secured. */
  credentials: z.string().optional(),
  adminUrl: z.string().optional(),
  simulated: z.boolean(),
});
export type GridRecord = z.infer<typeof recordSchema>;

/** Another process runs a grid in this state directory. */
export class GridRunning extends GridError {
  constructor(record: GridRecord, path: string) {
    super('grid-running', `a grid runs here already (pid ${record.pid}, ${path})`, {
      hint: 'stop it with Ctrl-C or SIGTERM, or choose another directory with --state',
    });
  }
}

/** No grid runs in this state directory. */
export class NoGrid extends GridError {
  constructor(path: string) {
    super('no-grid', `no grid runs here (${path})`, {
      hint: 'start one with `shadowgrid up`, or name its NATS with --nats',
    });
  }
}

/** Claims the state directory, or throws {@link GridRunning}. A record whose process is dead is taken over. */
export async function claimRecord(path: string, record: GridRecord): Promise<void> {
  for (;;) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(JSON.stringify(record));
      await file.close();
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const other = await readRecord(path);
    if (other !== undefined && isGrid(other.pid)) throw new GridRunning(other, path);
    await rm(path, { force: true });
  }
}

/** Replaces the record, whole or not at all. */
export async function updateRecord(path: string, record: GridRecord): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** The record of the grid that runs, or throws {@link NoGrid}. */
export async function findGrid(path: string): Promise<GridRecord> {
  const record = await readRecord(path);
  if (record === undefined || !isGrid(record.pid)) throw new NoGrid(path);
  return record;
}

async function readRecord(path: string): Promise<GridRecord | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Whether the process is alive and one of ours, and not another that was given the same pid since. */
function isGrid(pid: number): boolean {
  if (pid === process.pid) return true;
  try {
    return /deploy\/cli\/main\.ts|vitest|bench/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  } catch {
    return false;
  }
}
