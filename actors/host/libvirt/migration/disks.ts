/** Images at the target for disks that are copied there: QEMU writes into files, it does not make them. */

import { execFile } from 'node:child_process';
import { access, mkdir, rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { HypervisorError, MigrationRefused, NoSpace } from '../../errors.ts';
import type { Domain } from '../binding/mod.ts';
import { type Folders, type LocalDisk, relocate } from './destination-xml.ts';

const MIB = 1024 * 1024;
const run = promisify(execFile);

/** Where the disks will be, with the room they may come to need there. */
export interface DiskPlan {
  readonly path: string;
  readonly format: string;
  /** As the guest sees it, bytes. */
  readonly capacity: number;
  /** What it takes of the disk now, bytes. */
  readonly allocation: number;
}

export async function planDisks(
  domain: Domain,
  disks: readonly LocalDisk[],
  from: Folders,
  to: Folders,
): Promise<DiskPlan[]> {
  const plans: DiskPlan[] = [];
  for (const { target, path, format } of disks) {
    const { capacity, allocation } = await domain.blockInfo(target);
    plans.push({ path: relocate(path, from, to), format, capacity, allocation });
  }
  return plans;
}

/** Rejects with NoSpace or MigrationRefused; whatever was made until then is removed. */
export async function makeDisks(domain: string, plans: readonly DiskPlan[]): Promise<void> {
  const made: string[] = [];
  try {
    for (const { path, format, capacity, allocation } of plans) {
      const folder = dirname(path);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const { bavail, bsize } = await statfs(folder);
      const free = bavail * bsize;
      if (free < allocation) throw new NoSpace(folder, allocation / MIB, free / MIB);
      await refuseExisting(domain, path);
      made.push(path);
      await run('qemu-img', ['create', '-q', '-f', format, path, String(capacity)]);
    }
  } catch (error) {
    await removeFiles(made);
    if (error instanceof HypervisorError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new MigrationRefused(domain, `no images for its disks could be made at the target: ${why}`, {
      cause: error,
    });
  }
}

export async function removeFiles(paths: readonly string[]): Promise<void> {
  await Promise.all(paths.map((path) => rm(path, { force: true })));
}

/** A file under that name belongs to somebody: a checkpoint of an earlier stay, or an administrator. */
async function refuseExisting(domain: string, path: string): Promise<void> {
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (exists)
    throw new MigrationRefused(domain, `${path} is in the way at the target`, { hint: 'remove it' });
}
