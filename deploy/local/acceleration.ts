/** Whether guests here run under KVM: found out by booting one, once per boot of the machine. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GuestImage, HypervisorCapabilities } from '../../actors/host/mod.ts';
import { cacheRoot, probeKvm } from '../setup/mod.ts';

export type Acceleration = Exclude<HypervisorCapabilities['acceleration'], 'none'>;

/** At once where there is no /dev/kvm or the answer is known; else some seconds. */
export async function detectAcceleration(
  image: GuestImage,
  onProgress: (line: string) => void,
): Promise<Acceleration> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'unknown');
  const folder = join(cacheRoot(), 'kvm');
  const known = join(folder, boot.trim());
  const answer = await readFile(known, 'utf8').catch(() => '');
  if (answer === 'kvm' || answer === 'tcg') return answer;
  const verdict = await probeKvm(async () => {
    onProgress('finding out whether guests run under KVM');
    return image;
  });
  const acceleration = verdict.status === 'ok' ? 'kvm' : 'tcg';
  onProgress(`KVM: ${verdict.detail}`);
  await mkdir(folder, { recursive: true });
  await writeFile(known, acceleration);
  return acceleration;
}
