/** Suites that need real guests: skipped, with the reason in their name, where this machine has none. */
import { describe } from 'vitest';
import { findNatsServer } from '../../deploy/nats/mod.ts';
import { ensureDebianPackages, LIBVIRT_PACKAGES } from '../../deploy/setup/mod.ts';
import { toWireError } from '../../runtime/mod.ts';

const lacking = await whatGuestsLack();

/** Like `describe`. */
export function describeWithGuests(name: string, suite: () => void): void {
  if (lacking === undefined) describe(name, suite);
  else describe.skip(`${name} (skipped: ${lacking})`, suite);
}

async function whatGuestsLack(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'a libvirt daemon of our own needs root';
  try {
    await ensureDebianPackages(LIBVIRT_PACKAGES);
    if ((await findNatsServer()) === undefined) return 'there is no nats-server';
  } catch (error) {
    return toWireError(error).message;
  }
  return undefined;
}
