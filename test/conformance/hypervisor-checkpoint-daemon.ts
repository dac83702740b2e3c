/** A libvirt daemon for the tests of checkpoints; undefined, with a word of why, where there can be none. */
import { join } from 'node:path';
import {
  ensureLibvirtd,
  type Libvirtd,
  LibvirtMissing,
  LibvirtNeedsRoot,
} from '../../deploy/libvirtd/mod.ts';

export async function findLibvirtd(folder: string): Promise<Libvirtd | undefined> {
  try {
    return await ensureLibvirtd({ runDir: join(folder, 'run'), stateDir: join(folder, 'state') });
  } catch (error) {
    if (!(error instanceof LibvirtMissing || error instanceof LibvirtNeedsRoot)) throw error;
    console.warn(`checkpoints of libvirt not tested: ${error.message}`);
    return undefined;
  }
}
