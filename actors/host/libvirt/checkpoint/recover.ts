/** Finds what a process that ended in mid-operation left: finishes or undoes it, and removes the rest. */
import { access as mayAccess, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { checkName } from '../../check-spec.ts';
import { type Domain, DomainState, VIR_DOMAIN_SAVE_RUNNING } from '../binding/mod.ts';
import { attachedDisks } from '../disk/mod.ts';
import type { Ground } from './ground.ts';
import { sweepLayers } from './merge.ts';
import { type OperationKind, readNote } from './operation-note.ts';
import { restoreImage } from './restore-image.ts';
import { examineSaveImage } from './save-image.ts';

const JOB_POLL_MS = 25;
/** An aborted job that has not ended by then is left to libvirt. */
const JOB_MS = 10_000;

/** Of every domain that has anything in the store. One that cannot be cleared up does not keep the others from it. */
export async function recover(ground: Ground): Promise<void> {
  for (const name of await ground.store.domains()) {
    try {
      checkName(name);
      await recoverDomain(ground, name);
    } catch {
      // Not ours, or libvirt refuses: the next start tries again.
    }
  }
}

async function recoverDomain(ground: Ground, name: string): Promise<void> {
  const { store, access } = ground;
  const note = await readNote(store.note(name)).catch(() => undefined);
  if (note?.alive === true) return;
  const exists = await access.exists(name);
  if (!exists && note?.kind === 'roll-back') await bringBack(ground, name);
  if (exists) await access.on('control', name, (domain) => settle(domain, note?.kind));
  await rm(store.safety(name), { force: true });
  await rm(store.note(name), { force: true });
  await store.removeLeftovers(name);
  await sweepLayers(ground, name);
  await store.tidy(name);
}

/** Ends the jobs that nobody waits for any more, and lets the guest run on. */
async function settle(domain: Domain, kind: OperationKind | undefined): Promise<void> {
  if (kind === undefined) return;
  await endJob(domain);
  for (const { target } of attachedDisks(await domain.xml())) {
    if ((await domain.blockJobInfo(target)) !== undefined) await domain.blockJobAbort(target);
  }
  const { state } = await domain.state();
  if (kind === 'roll-back' && state === DomainState.paused) await domain.resume();
}

async function endJob(domain: Domain): Promise<void> {
  const late = performance.now() + JOB_MS;
  while ((await domain.jobInfo()).type !== 0 && performance.now() < late) {
    await domain.abortJob().catch(() => {});
    await delay(JOB_POLL_MS);
  }
}

/** The domain was ended to be exchanged, and was not: it goes on from where it was. */
async function bringBack(ground: Ground, name: string): Promise<void> {
  const safety = ground.store.safety(name);
  const there = await mayAccess(safety).then(
    () => true,
    () => false,
  );
  if (!there || (await examineSaveImage(safety)) !== undefined) return;
  const flags = VIR_DOMAIN_SAVE_RUNNING;
  try {
    await restoreImage(ground, name, safety, { flags });
  } catch (error) {
    // libvirt may have been told to restore the other state before its client died, and done so.
    if (!(await ground.access.exists(name))) throw error;
  }
}
