/** The state directory before anything is started in it: there, ours to write, with room. */
import { constants } from 'node:fs';
import { access, mkdir, statfs } from 'node:fs/promises';
import { GridError } from '../../runtime/mod.ts';

/** Free space below which no grid is started, MiB: JetStream, libvirt's state and the log begin small. */
const LEAST_MIB = 16;

/** The state directory cannot be made, written to, or is on a full disk. */
export class StateUnusable extends GridError {
  constructor(path: string, why: string, hint: string, cause?: unknown) {
    super('state-unusable', `the state directory ${path} ${why}`, { field: 'state', hint, cause });
  }
}

/** Makes it if need be, or throws {@link StateUnusable}. */
export async function prepareState(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StateUnusable(path, `cannot be used: ${reason}`, 'choose another one with --state', cause);
  }
  const { bavail, bsize } = await statfs(path);
  const freeMiB = (bavail * bsize) / 2 ** 20;
  if (freeMiB >= LEAST_MIB) return;
  throw new StateUnusable(
    path,
    `has ${freeMiB.toFixed(1)} MiB free, which is too little`,
    `make room for at least ${LEAST_MIB} MiB, or choose another one with --state`,
  );
}
