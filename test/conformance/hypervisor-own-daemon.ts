/** A libvirtd of one test file's own, with the guest image; undefined, with a warning, where there is no libvirt. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GuestImage } from '../../actors/host/mod.ts';
import { ensureGuestImage } from '../../deploy/guest/mod.ts';
import { ensureLibvirtd, LibvirtMissing, LibvirtNeedsRoot } from '../../deploy/libvirtd/mod.ts';

export interface OwnDaemon {
  readonly uri: string;
  /** For createLibvirtHypervisor. */
  readonly runDir: string;
  readonly image: GuestImage;
  stop(): Promise<readonly string[]>;
}

export async function ownDaemon(): Promise<OwnDaemon | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'sg-'));
  const clear = () => rm(folder, { recursive: true, force: true });
  try {
    const daemon = await ensureLibvirtd({ runDir: join(folder, 'run'), stateDir: join(folder, 'state') });
    const stop = async () => {
      const left = await daemon.stop();
      await clear();
      return left;
    };
    return { uri: daemon.uri, runDir: join(folder, 'guests'), image: await ensureGuestImage(), stop };
  } catch (error) {
    await clear();
    if (!(error instanceof LibvirtMissing || error instanceof LibvirtNeedsRoot)) throw error;
    console.warn(`libvirt driver not tested: ${error.message}`);
    return undefined;
  }
}
