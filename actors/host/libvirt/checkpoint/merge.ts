/** Keeps the layers of disks few: merges those that no checkpoint needs any more, and removes what nobody reads. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Domain,
  VIR_DOMAIN_BLOCK_COMMIT_ACTIVE,
  VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT,
} from '../binding/mod.ts';
import { type AttachedDisk, attachedDisks, commitImage } from '../disk/mod.ts';
import type { Ground } from './ground.ts';
import type { Manifest } from './manifest.ts';
import { type Merge, nextMerge } from './next-merge.ts';

const POLL_MS = 20;

/**
 * Merges downwards: what the newer layer holds goes into the older one, which is then no longer what it was, so only
 * where no checkpoint is of the older one, and nothing else lies on it. The newer one stays readable throughout:
 * whenever this is interrupted, every checkpoint is still whole.
 */
export async function mergeLayers(ground: Ground, name: string, signal: AbortSignal): Promise<void> {
  if ((await ground.disks.layers(name)).size === 0) return;
  while (await mergeOne(ground, name, signal)) {
    // Each merge changes what there is to merge.
  }
  await sweepLayers(ground, name);
}

/** Removes layers that neither the domain nor a checkpoint reads. */
export async function sweepLayers(ground: Ground, name: string): Promise<void> {
  const attached = await attachedOf(ground, name);
  const manifests = await ground.store.list(name);
  await ground.disks.sweep(name, [
    ...attached.flatMap(({ path, below }) => [path, ...below]),
    ...manifests.flatMap(({ disks }) => disks.map(({ path }) => path)),
  ]);
}

async function mergeOne(ground: Ground, name: string, signal: AbortSignal): Promise<boolean> {
  await sweepLayers(ground, name);
  const manifests = await ground.store.list(name);
  const attached = await attachedOf(ground, name);
  const merge = nextMerge({
    layers: await ground.disks.layers(name),
    frozen: new Set(manifests.flatMap(({ disks }) => disks.map(({ path }) => path))),
    chains: attached.map(({ path, below }) => [path, ...below]),
  });
  if (merge === undefined || signal.aborted) return false;
  const disk = attached.find(({ path, below }) => [path, ...below].includes(merge.upper));
  if (disk === undefined) await commitImage(merge.upper, merge.lower);
  else await ground.access.on('jobs', name, (domain) => commitLive(domain, disk, merge, signal));
  for (const manifest of manifests) await moveDown(ground, manifest, merge);
  return true;
}

async function commitLive(
  domain: Domain,
  disk: AttachedDisk,
  { lower, upper }: Merge,
  signal: AbortSignal,
): Promise<void> {
  const active = upper === disk.path;
  const flags = active ? VIR_DOMAIN_BLOCK_COMMIT_ACTIVE : 0;
  await domain.blockCommit(disk.target, lower, upper, { flags });
  for (;;) {
    const job = await domain.blockJobInfo(disk.target);
    if (job === undefined) return;
    if (active && job.end > 0 && job.current === job.end) {
      await domain.blockJobAbort(disk.target, VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT);
      return;
    }
    if (signal.aborted) {
      await domain.blockJobAbort(disk.target);
      throw signal.reason;
    }
    await delay(POLL_MS);
  }
}

/** `lower` holds now what `upper` did. */
async function moveDown(ground: Ground, manifest: Manifest, { lower, upper }: Merge): Promise<void> {
  if (!manifest.disks.some(({ path }) => path === upper)) return;
  const disks = manifest.disks.map((disk) => (disk.path === upper ? { ...disk, path: lower } : disk));
  await ground.store.update({ ...manifest, disks });
}

/** Disks of the domain as it runs; none if it does not. */
async function attachedOf(ground: Ground, name: string): Promise<AttachedDisk[]> {
  if (!(await ground.access.exists(name))) return [];
  return ground.access.on('control', name, async (domain) => attachedDisks(await domain.xml()));
}
