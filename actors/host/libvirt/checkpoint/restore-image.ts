/** Has libvirt start a domain from an image, also right after the domain's end. */
import { setTimeout as delay } from 'node:timers/promises';
import type { RestoreOptions } from '../binding/mod.ts';
import type { Ground } from './ground.ts';

/** One that ended, or was ended by a process that is gone, may be on libvirt's list for a moment. */
const REMOVAL_MS = 5000;
const POLL_MS = 5;

/** Rejects with what libvirt says. */
export async function restoreImage(
  ground: Ground,
  name: string,
  path: string,
  options: RestoreOptions = {},
): Promise<void> {
  const late = performance.now() + REMOVAL_MS;
  for (;;) {
    try {
      return await ground.access.ask((connection) => connection.restore(path, options), 'jobs', name);
    } catch (error) {
      if (!isBeingRemoved(error) || performance.now() > late) throw error;
      await delay(POLL_MS);
    }
  }
}

function isBeingRemoved(error: unknown): boolean {
  return error instanceof Error && error.message.includes('already being removed');
}
