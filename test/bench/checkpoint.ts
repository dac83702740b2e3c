/** Checkpoints and rollbacks of a 128 MiB guest, beside the same done with virsh in the same run. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLibvirtHypervisor } from '../../actors/host/libvirt/mod.ts';
import type { Hypervisor } from '../../actors/host/mod.ts';
import { ensureGuestImage } from '../../deploy/guest/mod.ts';
import { ensureLibvirtd } from '../../deploy/libvirtd/mod.ts';
import { runCommand } from '../../deploy/setup/process/mod.ts';
import { type Benchmark, median, round } from './benchmark.ts';

const BOOT_MS = 120_000;

/** Milliseconds of each round. */
interface Rounds {
  readonly pause: number[];
  readonly checkpoint: number[];
  readonly rollback: number[];
  readonly bareCheckpoint: number[];
  readonly bareRollback: number[];
}

export const checkpoint: Benchmark = async ({ log, runs = 10 }) => {
  const folder = await mkdtemp(join(tmpdir(), 'sg-bench-'));
  const daemon = await ensureLibvirtd({ runDir: join(folder, 'run'), stateDir: join(folder, 'state') });
  const hypervisor = await createLibvirtHypervisor({ uri: daemon.uri, runDir: join(folder, 'guests') });
  const names = ['measured', 'bare'] as const;
  try {
    for (const name of names) await boot(hypervisor, name);
    const rounds: Rounds = { pause: [], checkpoint: [], rollback: [], bareCheckpoint: [], bareRollback: [] };
    for (let run = 0; run < runs; run++) {
      await measureOurs(hypervisor, names[0], rounds);
      await measureBare(daemon.uri, names[1], join(folder, 'bare.memory'), rounds);
      const last = Object.entries(rounds).map(([name, values]) => `${name} ${round(values.at(-1), 0)} ms`);
      log(`round ${run + 1}: ${last.join(', ')}`);
    }
    return {
      pauseP50Ms: round(median(rounds.pause), 1),
      checkpointP50Ms: round(median(rounds.checkpoint), 1),
      rollbackP50Ms: round(median(rounds.rollback), 1),
      bareCheckpointP50Ms: round(median(rounds.bareCheckpoint), 1),
      bareRollbackP50Ms: round(median(rounds.bareRollback), 1),
      rounds: runs,
    };
  } finally {
    for (const name of names) await hypervisor.destroy(name);
    await hypervisor[Symbol.asyncDispose]();
    await daemon.stop();
    await rm(folder, { recursive: true, force: true });
  }
};

async function boot(hypervisor: Hypervisor, name: string): Promise<void> {
  const allocation = { cores: 1, vcpus: 1, memoryMiB: 128 };
  await hypervisor.create({
    name,
    jobId: name,
    image: await ensureGuestImage(),
    allocation,
    limit: allocation,
  });
  await hypervisor.agent(name, { signal: AbortSignal.timeout(BOOT_MS) });
}

async function measureOurs(hypervisor: Hypervisor, name: string, rounds: Rounds): Promise<void> {
  const id = 'bench';
  const beganAt = performance.now();
  const { pausedMs } = await hypervisor.checkpoints.take(name, { id });
  rounds.pause.push(pausedMs);
  rounds.checkpoint.push(performance.now() - beganAt);
  const backAt = performance.now();
  await hypervisor.checkpoints.rollBack(name, id);
  rounds.rollback.push(performance.now() - backAt);
  await hypervisor.checkpoints.remove(name, id);
  await hypervisor.agent(name, { signal: AbortSignal.timeout(BOOT_MS) });
}

async function measureBare(uri: string, name: string, file: string, rounds: Rounds): Promise<void> {
  const virsh = (...args: string[]) => runCommand('virsh', ['-q', '-c', uri, ...args]);
  const beganAt = performance.now();
  const memory = `file=${file},snapshot=external`;
  await virsh('snapshot-create-as', name, 'bench', '--memspec', memory, '--live', '--no-metadata');
  rounds.bareCheckpoint.push(performance.now() - beganAt);
  const backAt = performance.now();
  await virsh('destroy', name);
  await virsh('restore', file, '--running');
  rounds.bareRollback.push(performance.now() - backAt);
}
