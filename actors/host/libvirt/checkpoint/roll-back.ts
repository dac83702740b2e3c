/** Puts a domain back: proves the checkpoint, keeps the present as an image to fall back on, exchanges one for the other. */
import { rm } from 'node:fs/promises';
import { CheckpointDamaged, CheckpointNotFound, RollbackFailed, RollbackLost } from '../../errors.ts';
import type { CheckpointCall, DomainStatus } from '../../port/mod.ts';
import { type Domain, DomainState, VIR_DOMAIN_SAVE_PAUSED, VIR_DOMAIN_SAVE_RUNNING } from '../binding/mod.ts';
import { attachedDisks, type DiskLayer, withDiskSources } from '../disk/mod.ts';
import { findQemu } from '../telemetry/mod.ts';
import { signalOf, tellWhy } from './call.ts';
import { endDomain } from './end-domain.ts';
import type { Ground } from './ground.ts';
import { type ImageRequest, writeImage } from './image.ts';
import type { Manifest } from './manifest.ts';
import { sweepLayers } from './merge.ts';
import { noting } from './operation-note.ts';
import { restoreImage } from './restore-image.ts';
import { checkSpace, imageMiB } from './space.ts';
import { examine, savedXml } from './verify.ts';

/** See Checkpoints.rollBack. */
export async function rollBack(
  ground: Ground,
  name: string,
  id: string,
  call: CheckpointCall,
): Promise<DomainStatus> {
  const { store, access, feed } = ground;
  const signal = signalOf(call);
  const manifest = await store.find(name, id);
  if (manifest === undefined) throw new CheckpointNotFound(name, id);
  const exists = await access.exists(name);
  try {
    call.onProgress?.({ phase: 'verifying' });
    const wrong = await examine(ground, manifest, { whole: false, signal });
    if (wrong !== undefined) throw new CheckpointDamaged(name, id, wrong);
    await noting(store.note(name), 'roll-back', () =>
      exists
        ? feed.exchanging(
            name,
            () => access.exists(name),
            () => exchange(ground, manifest, call, signal),
          )
        : feed.expecting(name, () => remake(ground, manifest, call)),
    );
  } catch (error) {
    throw tellWhy(error, call, (why, cause) => new RollbackFailed(name, id, why, cause));
  }
  return await access.on('control', name, async (domain, tenant) => {
    tenant.guest.start();
    return ground.status(domain, tenant);
  });
}

/** Nothing runs under the name: nothing to fall back on. */
async function remake(ground: Ground, manifest: Manifest, call: CheckpointCall): Promise<void> {
  const overlays = await makeOverlays(ground, manifest);
  try {
    call.onProgress?.({ phase: 'restoring' });
    await restore(ground, manifest, overlays);
  } catch (error) {
    await ground.disks.remove(overlays);
    throw error;
  }
}

async function exchange(
  ground: Ground,
  manifest: Manifest,
  call: CheckpointCall,
  signal: AbortSignal,
): Promise<void> {
  const { access, store, disks } = ground;
  const { domain: name, id } = manifest;
  const safety = store.safety(name);
  const overlays = await makeOverlays(ground, manifest);
  try {
    const ran = await access.on('jobs', name, async (domain, tenant) => {
      if (domain.uuid !== manifest.uuid) throw new Error('another domain has its name now');
      const { allocation } = await ground.status(domain, tenant);
      const neededMiB = await imageMiB(domain, allocation.memoryMiB);
      await checkSpace(store.folder, neededMiB);
      return putAside(ground, domain, { path: safety, neededMiB, signal });
    });
    ground.access.residents.forget(name);
    try {
      call.onProgress?.({ phase: 'restoring' });
      await restore(ground, manifest, overlays);
    } catch (error) {
      await fallBack(ground, name, id, safety, ran, error);
      throw error;
    }
  } catch (error) {
    await rm(safety, { force: true });
    await disks.remove(overlays);
    throw error;
  }
  await rm(safety, { force: true });
  await sweepLayers(ground, name).catch(() => {});
}

/** Ends the domain with its state in a file; whether it ran. Until its end it can still go on, and does on failure. */
async function putAside(
  ground: Ground,
  domain: Domain,
  image: Pick<ImageRequest, 'path' | 'neededMiB' | 'signal'>,
): Promise<boolean> {
  const pid = findQemu(domain.uuid);
  const ran = (await domain.state()).state !== DomainState.paused;
  if (ran) await domain.suspend();
  try {
    const untouched = attachedDisks(await domain.xml()).map(({ target }) => target);
    await writeImage(ground, domain, { ...image, overlays: [], untouched, live: false });
    image.signal.throwIfAborted();
  } catch (error) {
    await rm(image.path, { force: true });
    if (ran) await domain.resume();
    throw error;
  }
  await ground.feed.ended(domain.name, async () => endDomain(domain, await pid));
  return ran;
}

async function fallBack(
  ground: Ground,
  name: string,
  id: string,
  safety: string,
  ran: boolean,
  why: unknown,
): Promise<void> {
  const flags = ran ? VIR_DOMAIN_SAVE_RUNNING : VIR_DOMAIN_SAVE_PAUSED;
  try {
    await restoreImage(ground, name, safety, { flags });
    await adopt(ground, name);
  } catch (error) {
    throw new RollbackLost(name, id, why instanceof Error ? why.message : String(why), error);
  }
}

async function makeOverlays(ground: Ground, { domain, disks }: Manifest): Promise<DiskLayer[]> {
  const overlays: DiskLayer[] = [];
  try {
    for (const layer of disks) overlays.push(await ground.disks.overlay(domain, layer));
    return overlays;
  } catch (error) {
    await ground.disks.remove(overlays);
    throw error;
  }
}

async function restore(ground: Ground, manifest: Manifest, overlays: readonly DiskLayer[]): Promise<void> {
  const { domain: name, id } = manifest;
  const path = ground.store.memory(name, id);
  const options =
    overlays.length === 0 ? {} : { xml: withDiskSources(await savedXml(ground, path), overlays) };
  await restoreImage(ground, name, path, options);
  await adopt(ground, name);
}

/** The same domain by name and UUID, but another process: its counters and its agent's channel are new. */
async function adopt(ground: Ground, name: string): Promise<void> {
  ground.access.residents.forget(name);
  await ground.access.on('control', name, async () => {});
}
