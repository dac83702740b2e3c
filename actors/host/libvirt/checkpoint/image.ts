/** Has libvirt write a domain's memory to a file: while the guest runs, or as it stands. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { NoSpace } from '../../errors.ts';
import {
  abortable,
  type Domain,
  VIR_DOMAIN_SNAPSHOT_CREATE_LIVE,
  VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA,
} from '../binding/mod.ts';
import type { DiskLayer } from '../disk/mod.ts';
import { escapeXml } from '../xml.ts';
import type { Ground } from './ground.ts';
import { SpaceWatch } from './space.ts';

export interface ImageRequest {
  readonly path: string;
  /** Room that it may take. */
  readonly neededMiB: number;
  /** New layers for the disks, which libvirt makes: what was there before is frozen. Others are left as they are. */
  readonly overlays: readonly DiskLayer[];
  /** Targets of the disks that are left as they are. */
  readonly untouched: readonly string[];
  /** The guest runs on meanwhile. */
  readonly live: boolean;
  readonly signal: AbortSignal;
  /** 0 to 1. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

const PROGRESS_MS = 100;

/** Leaves no file behind when it fails; then the guest runs on as before. Rejects with the signal's reason, or NoSpace. */
export async function writeImage(ground: Ground, domain: Domain, request: ImageRequest): Promise<void> {
  const { path, live, overlays } = request;
  const { access, store, disks } = ground;
  // Snapshots that libvirt remembers would keep the domain from being migrated.
  const flags = VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA | (live ? VIR_DOMAIN_SNAPSHOT_CREATE_LIVE : 0);
  using watch = new SpaceWatch(store.folder, request.neededMiB);
  const signal = AbortSignal.any([request.signal, watch.signal]);
  try {
    await access.ask(async (connection) => {
      using _progress = reporting(ground, domain.name, request.onProgress);
      const snapshot = await abortable(() => domain.snapshotCreateXML(snapshotXml(request), flags), {
        domain,
        connection,
        signal,
      });
      snapshot[Symbol.dispose]();
    }, 'control');
  } catch (error) {
    await rm(path, { force: true });
    await disks.remove(overlays);
    throw isFull(error) ? new NoSpace(join(path, '..'), request.neededMiB, 0) : error;
  }
}

function snapshotXml({ path, overlays, untouched }: ImageRequest): string {
  const disks = [
    ...overlays.map(
      ({ target, path: file }) =>
        `<disk name='${target}' snapshot='external'><driver type='qcow2'/><source file='${escapeXml(file)}'/></disk>`,
    ),
    ...untouched.map((target) => `<disk name='${target}' snapshot='no'/>`),
  ];
  return `<domainsnapshot><memory snapshot='external' file='${escapeXml(path)}'/><disks>${disks.join('')}</disks></domainsnapshot>`;
}

/** What QEMU and libvirt say when the disk is full. */
function isFull(error: unknown): boolean {
  return error instanceof Error && /No space left on device|ENOSPC/.test(error.message);
}

function reporting(ground: Ground, name: string, onProgress: ImageRequest['onProgress']): Disposable {
  const timer =
    onProgress &&
    setInterval(async () => {
      const job = await ground.access
        .on('control', name, (domain) => domain.jobInfo())
        .catch(() => undefined);
      if (job !== undefined && job.dataTotal > 0) onProgress(1 - job.dataRemaining / job.dataTotal);
    }, PROGRESS_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
