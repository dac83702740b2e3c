/** Takes a checkpoint: live image, frozen disk layers, proof that it can be restored, and only then its name. */
import { stat } from 'node:fs/promises';
import { CheckpointFailed } from '../../errors.ts';
import type { Checkpoint, CheckpointOptions } from '../../port/mod.ts';
import { type Domain, DomainState } from '../binding/mod.ts';
import { attachedDisks, checkImage, type DiskLayer } from '../disk/mod.ts';
import { signalOf, tellWhy } from './call.ts';
import { digestFile } from './digest.ts';
import type { Ground } from './ground.ts';
import { writeImage } from './image.ts';
import type { Manifest } from './manifest.ts';
import { mergeLayers } from './merge.ts';
import { noting } from './operation-note.ts';
import { PauseMeter } from './pause.ts';
import { describe } from './report.ts';
import { stateOfFile } from './save-image.ts';
import { checkSpace, imageMiB } from './space.ts';
import { examineMemory } from './verify.ts';

const KEEP = 3;

/** `id` was checked. See Checkpoints.take. */
export async function take(
  ground: Ground,
  name: string,
  id: string,
  options: CheckpointOptions,
): Promise<Checkpoint> {
  const signal = signalOf(options);
  const fail = (why: string, cause?: unknown) => new CheckpointFailed(name, why, cause);
  if ((await ground.store.find(name, id)) !== undefined) throw fail(`there is one called ${id} already`);
  try {
    signal.throwIfAborted();
    return await noting(ground.store.note(name), 'take', async () => {
      const manifest = await write(ground, name, id, options, signal);
      await forgetOldest(ground, name, manifest, options, signal);
      return describe(ground, manifest);
    });
  } catch (error) {
    throw tellWhy(error, options, fail);
  }
}

async function write(
  ground: Ground,
  name: string,
  id: string,
  { onProgress }: CheckpointOptions,
  signal: AbortSignal,
): Promise<Manifest> {
  const { access, store, disks } = ground;
  onProgress?.({ phase: 'preparing' });
  return await access.on('jobs', name, async (domain, tenant) => {
    const { jobId, allocation, limit, state } = await ground.status(domain, tenant);
    const attached = attachedDisks(await domain.xml());
    const neededMiB = await imageMiB(domain, allocation.memoryMiB);
    await checkSpace(store.folder, neededMiB);
    const overlays: DiskLayer[] = [];
    for (const { target } of attached) overlays.push(await disks.nextLayer(name, target));
    const path = store.partial(name, id);
    const at = ground.now();
    const running = state === 'running';
    await store.begin(name, id);
    try {
      using pause = new PauseMeter(ground.feed, name);
      onProgress?.({ phase: 'saving' });
      const beganAt = performance.now();
      await writeImage(ground, domain, {
        path,
        neededMiB,
        overlays,
        untouched: [],
        live: running,
        signal,
        onProgress: onProgress && ((done) => onProgress({ phase: 'saving', done })),
      });
      const savedMs = performance.now() - beganAt;
      onProgress?.({ phase: 'verifying' });
      const [digest] = await Promise.all([
        digestFile(path, {
          signal,
          ...(onProgress && { onProgress: (done: number) => onProgress({ phase: 'verifying', done }) }),
        }),
        prove(ground, path, attached, signal),
      ]);
      const manifest: Manifest = {
        version: 1,
        id,
        domain: name,
        jobId,
        uuid: domain.uuid,
        at,
        allocation,
        limit,
        pausedMs: running ? await pause.read(savedMs) : 0,
        verifiedAt: ground.now(),
        memory: { bytes: (await stat(path)).size, digest, changed: await stateOfFile(path) },
        disks: attached.map(({ target, path: layer }) => ({ target, path: layer })),
      };
      await store.publish(manifest);
      return manifest;
    } catch (error) {
      await store.remove(name, id);
      // A disk of the guest's on the full disk makes QEMU pause it.
      if (running) await letRun(domain);
      await mergeLayers(ground, name, new AbortController().signal).catch(() => {});
      throw error;
    }
  });
}

async function letRun(domain: Domain): Promise<void> {
  const { state } = await domain.state();
  if (state === DomainState.paused) await domain.resume();
}

async function prove(
  ground: Ground,
  path: string,
  disks: readonly DiskLayer[],
  signal: AbortSignal,
): Promise<void> {
  const wrong = await examineMemory(ground, path);
  if (wrong !== undefined) throw new Error(wrong);
  for (const { path: layer } of disks) {
    const damage = await checkImage(layer, signal);
    if (damage !== undefined) throw new Error(`layer ${layer}: ${damage}`);
  }
}

/** A merge that fails costs room, not the checkpoint: the next one tries again. */
async function forgetOldest(
  ground: Ground,
  name: string,
  taken: Manifest,
  { keep = KEEP, onProgress }: CheckpointOptions,
  signal: AbortSignal,
): Promise<void> {
  const others = (await ground.store.list(name)).filter(({ id }) => id !== taken.id);
  const tooMany = others.slice(0, Math.max(0, others.length + 1 - keep));
  for (const { id } of tooMany) await ground.store.remove(name, id);
  if (taken.disks.length === 0) return;
  onProgress?.({ phase: 'merging' });
  await mergeLayers(ground, name, signal).catch(() => {});
}
