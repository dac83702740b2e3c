/** Finds out whether KVM runs guests, by booting one: that /dev/kvm opens proves nothing. */
import { spawn } from 'node:child_process';
import { access } from 'node:fs/promises';
import type { Verdict } from './finding.ts';

/** A guest under KVM boots in about a second. */
const BOOT_MS = 8_000;
const EMULATOR = 'qemu-system-x86_64';
const READY = /shadowgrid-guest ready after ([\d.]+) s/;

interface BootFiles {
  readonly kernel: string;
  readonly initrd: string;
}

export async function probeKvm(image: () => Promise<BootFiles>): Promise<Verdict> {
  const there = await access('/dev/kvm').then(
    () => true,
    () => false,
  );
  return judgeKvm(there, there ? await boot(await image()) : '');
}

/** `console` is what the guest and QEMU said. */
export function judgeKvm(devicePresent: boolean, console: string): Verdict {
  const remedy =
    'use a machine, or a virtual machine with nested virtualisation, whose processor has VT-x or AMD-V';
  const instead = 'guests run under software emulation, some 5-20 times slower';
  if (!devicePresent) return { status: 'limited', detail: `there is no /dev/kvm: ${instead}`, remedy };
  const ready = READY.exec(console);
  if (ready !== null) return { status: 'ok', detail: `a guest booted under KVM in ${ready[1]} s` };
  const said = console.split('\n').filter((line) => line.trim() !== '' && !line.includes('warning:'));
  const why = said.at(-1)?.trim() ?? 'it said nothing';
  return { status: 'limited', detail: `/dev/kvm is there but no guest boots (${why}): ${instead}`, remedy };
}

function boot(image: BootFiles): Promise<string> {
  const args = [
    ...['-accel', 'kvm', '-m', '128', '-nodefaults', '-no-reboot', '-display', 'none', '-serial', 'stdio'],
    ...['-kernel', image.kernel, '-initrd', image.initrd, '-append', 'console=ttyS0 quiet panic=-1'],
  ];
  return new Promise((resolve) => {
    const qemu = spawn(EMULATOR, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    const end = () => {
      clearTimeout(timer);
      qemu.kill('SIGKILL');
      resolve(text);
    };
    const timer = setTimeout(end, BOOT_MS);
    const read = (chunk: unknown) => {
      text += String(chunk);
      if (READY.test(text)) end();
    };
    qemu.stdout.on('data', read);
    qemu.stderr.on('data', read);
    qemu.on('error', (error) => {
      text += error.message;
      end();
    });
    qemu.on('close', end);
  });
}
