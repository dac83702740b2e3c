/** Probes of the programs that a grid needs: QEMU, libvirt, nats-server. */
import { findNatsServer, lackingFeatures } from '../../nats/mod.ts';
import { LIBVIRT_PACKAGES } from '../debian/mod.ts';
import { runCommand } from '../process/mod.ts';
import type { Verdict } from './finding.ts';

const INSTALL = `apt-get install -y --no-install-recommends ${LIBVIRT_PACKAGES.join(' ')}`;

export async function probeQemu(): Promise<Verdict> {
  const version = await versionOf('qemu-system-x86_64');
  if (version !== undefined) return { status: 'ok', detail: `QEMU ${version}` };
  return { status: 'missing', detail: 'QEMU is not installed: no real guests', remedy: INSTALL };
}

export async function probeLibvirt(): Promise<Verdict> {
  const [daemon, client] = await Promise.all([versionOf('libvirtd'), versionOf('virsh')]);
  if (daemon === undefined)
    return { status: 'missing', detail: 'libvirtd is not installed', remedy: INSTALL };
  if (client === undefined) return { status: 'missing', detail: 'virsh is not installed', remedy: INSTALL };
  return { status: 'ok', detail: `libvirt ${daemon}` };
}

export async function probeNatsServer(): Promise<Verdict> {
  return judgeNatsServer((await findNatsServer())?.version);
}

export function judgeNatsServer(version: string | undefined): Verdict {
  if (version === undefined) {
    const remedy = 'it is fetched when a grid starts; without network set SHADOWGRID_NATS_SERVER to a binary';
    return { status: 'limited', detail: 'nats-server is not here yet', remedy };
  }
  const lacking = lackingFeatures(version);
  if (lacking.length === 0) return { status: 'ok', detail: `nats-server ${version}` };
  return {
    status: 'limited',
    detail: `nats-server ${version} lacks ${lacking.join('; ')}`,
    remedy: 'set SHADOWGRID_NATS_SERVER to a release of 2.12 or newer',
  };
}

async function versionOf(program: string): Promise<string | undefined> {
  const { stdout } = await runCommand(program, ['--version'], { check: false, timeoutMs: 10_000 });
  return /(\d+\.\d+(\.\d+)?)/.exec(stdout)?.[1];
}
