/** A checkpoint as the port tells of it. */
import { stat } from 'node:fs/promises';
import type { Checkpoint } from '../../port/mod.ts';
import type { Ground } from './ground.ts';
import type { Manifest } from './manifest.ts';

const BLOCK_BYTES = 512;

export async function describe(ground: Ground, manifest: Manifest): Promise<Checkpoint> {
  const { id, domain, jobId, at, allocation, pausedMs, verifiedAt } = manifest;
  const files = [ground.store.memory(domain, id), ...(await ownLayers(ground, manifest))];
  const sizes = await Promise.all(
    files.map((path) =>
      stat(path).then(
        ({ blocks }) => blocks * BLOCK_BYTES,
        () => 0,
      ),
    ),
  );
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  return { id, domain, jobId, at, allocation, bytes, pausedMs, verifiedAt };
}

/** Layers that nothing lies on: the domain, if it runs, is on others. */
async function ownLayers(ground: Ground, { domain, disks }: Manifest): Promise<string[]> {
  if (disks.length === 0) return [];
  const layers = await ground.disks.layers(domain);
  const below = new Set(layers.values());
  return disks.map(({ path }) => path).filter((path) => !below.has(path));
}
