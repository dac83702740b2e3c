/** Runs once before suites that need real parts: brings in Debian packages, nats-server and the guest image. */
import { ensureGuestImage } from '../../deploy/guest/mod.ts';
import { ensureNatsServer } from '../../deploy/nats/mod.ts';
import { ensureDebianPackages, LIBVIRT_PACKAGES } from '../../deploy/setup/mod.ts';
import { toWireError } from '../../runtime/mod.ts';

/** What cannot be had is said, not thrown: the tests that need it skip themselves and give the reason. */
export default async function prepare(): Promise<void> {
  const onProgress = (line: string) => process.stdout.write(`set-up: ${line}\n`);
  const steps: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['Debian packages', () => ensureDebianPackages(LIBVIRT_PACKAGES, { onProgress })],
    ['nats-server', () => ensureNatsServer({ onProgress })],
    ['guest image', () => ensureGuestImage({ onProgress })],
  ];
  for (const [what, run] of steps) {
    await run().catch((error) => onProgress(`${what} cannot be had: ${toWireError(error).message}`));
  }
}
