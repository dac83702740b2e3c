/** Finds out what libvirt can do here, by asking a daemon of our own that is started for the purpose. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLibvirtHypervisor } from '../../actors/host/libvirt/mod.ts';
import { toWireError } from '../../runtime/mod.ts';
import { ensureLibvirtd } from '../libvirtd/mod.ts';
import type { Verdict } from '../setup/mod.ts';
import { gridPaths } from './paths.ts';

/** For the doctor: version, how guests run, how they are resized, whether CPU limits are enforced. */
export async function probeLibvirt(): Promise<Verdict> {
  const state = await mkdtemp(join(tmpdir(), 'shadowgrid-doctor-'));
  const { run, libvirtState } = gridPaths(state);
  await using undo = new AsyncDisposableStack();
  undo.defer(() => rm(run, { recursive: true, force: true }));
  undo.defer(() => rm(state, { recursive: true, force: true }));
  try {
    const libvirtd = await ensureLibvirtd({ runDir: run, stateDir: libvirtState });
    undo.defer(async () => void (await libvirtd.stop()));
    await using hypervisor = await createLibvirtHypervisor({ uri: libvirtd.uri, runDir: run });
    const { version, cores, memoryMiB } = await hypervisor.info();
    const { memoryResize, vcpuShrink, cpuQuota } = hypervisor.capabilities;
    const detail =
      `${version}; ${cores} cores, ${memoryMiB} MiB; memory is resized by ${memoryResize}, ` +
      `vCPUs shrink by ${vcpuShrink}, CPU quota ${cpuQuota ? 'is enforced' : 'cannot be enforced'}`;
    if (cpuQuota) return { status: 'ok', detail };
    return { status: 'limited', detail, remedy: 'run as root: daemons of users have no cgroups' };
  } catch (error) {
    const { message, hint } = toWireError(error);
    return { status: 'missing', detail: message, ...(hint !== undefined && { remedy: hint }) };
  }
}
