/** Migrations in which a process dies, on real libvirt daemons: the guest runs on in exactly one place, nothing is left over. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createLibvirtHypervisor } from '../../actors/host/libvirt/mod.ts';
import type {
  Hypervisor,
  MigrationOptions,
  MigrationReport,
  MigrationTarget,
} from '../../actors/host/mod.ts';
import { ensureGuestImage } from '../../deploy/guest/mod.ts';
import { type Lab, type LabHost, startLab } from '../../deploy/lab/mod.ts';
import { describeWithGuests } from '../support/guests.ts';
import { until } from '../support/until.ts';

const NAME = `mishap-${process.pid}`;
/** Slow enough to be in the middle of it for seconds. */
const CRAWL_MIBPS = 8;
const CHILD = join(import.meta.dirname ?? '.', 'hypervisor-migration-child.worker.ts');

describeWithGuests('migrations in which a process dies', () => {
  let folder: string;
  let lab: Lab;
  let places: [LabHost, LabHost];
  let here: Hypervisor;
  let there: Hypervisor;
  let target: MigrationTarget;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sg-'));
    lab = await startLab({ runDir: join(folder, 'r'), stateDir: join(folder, 's') });
    places = [lab.hosts[0]!, lab.hosts[1]!];
    [here, there] = [await createLibvirtHypervisor(places[0]), await createLibvirtHypervisor(places[1])];
    target = await there.migration.target();
    const allocation = { cores: 1, vcpus: 1, memoryMiB: 128 };
    const image = await ensureGuestImage();
    await here.create({ name: NAME, jobId: 'j', image, allocation, limit: allocation });
    const agent = await here.agent(NAME, { signal: AbortSignal.timeout(90_000) });
    await agent.run('job', 'sleep 900');
  });
  afterAll(async () => {
    await here?.[Symbol.asyncDispose]();
    await there?.[Symbol.asyncDispose]();
    await lab?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  afterEach(async () => {
    // After all of it, in every case: one guest, here, alive and itself.
    await until(async () => (await here.list())[0]?.state === 'running');
    expect(await there.list()).toEqual([]);
    const agent = await here.agent(NAME, { signal: AbortSignal.timeout(30_000) });
    expect(await agent.job()).toMatchObject({ state: 'running', id: 'job' });
    expect(await processes()).toHaveLength(1);
    for (const { runDir } of places) expect(await readdir(join(runDir, 'migration'))).toEqual([]);
  });

  test("the target's QEMU is killed", async () => {
    const report = await interrupted(async () => {
      const arriving = (await processes()).find(({ command }) => command.includes('-incoming'));
      process.kill(arriving!.pid, 'SIGKILL');
    });
    expect(report).toMatchObject({ outcome: 'returned', why: expect.any(String) });
  });

  test("the target's libvirtd is killed", async () => {
    const report = await interrupted(() => kill(places[1]));
    expect(report).toMatchObject({ outcome: 'returned', unsettled: true });
    await expect(here.migration.resolve(NAME, target)).rejects.toMatchObject({
      code: 'hypervisor-unavailable',
    });
    await places[1].startDaemon();
    expect(await here.migration.resolve(NAME, target)).toBe('here');
    await until(() => there.list());
  });

  test('libvirtd of the host that it leaves is killed', async () => {
    const failed = interrupted(() => kill(places[0]));
    await expect(failed).rejects.toMatchObject({ code: 'hypervisor-unavailable' });
    await places[0].startDaemon();
    expect(await here.migration.resolve(NAME, target)).toBe('here');
  });

  test('the process that migrates is killed', async () => {
    const { uri, runDir } = places[0];
    // One process at a time may have the agent's channel.
    await here[Symbol.asyncDispose]();
    const orders = { host: { uri, runDir }, domain: NAME, target, bandwidthMiBps: CRAWL_MIBPS };
    const run = 'Deno' in globalThis ? ['run', '-A', CHILD] : [CHILD];
    const child = spawn(process.execPath, [...run, JSON.stringify(orders)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGKILL');
    here = await createLibvirtHypervisor(places[0]);
    expect(await here.migration.resolve(NAME, target)).toBe('here');
  });

  /** Migrates slowly, and runs `mishap` once the copying is under way. */
  async function interrupted(mishap: () => Promise<void>): Promise<MigrationReport> {
    let happened: Promise<void> | undefined;
    const options: MigrationOptions = {
      bandwidthMiBps: CRAWL_MIBPS,
      onProgress: ({ phase }) => {
        if (phase === 'copying') happened ??= mishap();
      },
    };
    try {
      return await here.migration.migrate(NAME, target, options);
    } finally {
      await happened;
    }
  }

  async function kill(host: LabHost): Promise<void> {
    process.kill((await host.daemon())!, 'SIGKILL');
    await until(async () => (await host.daemon()) === undefined);
  }

  async function processes() {
    const found: { readonly pid: number; readonly command: string }[] = [];
    for (const entry of await readdir('/proc')) {
      const command = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
      if (command.includes(`\0guest=${NAME},`)) found.push({ pid: Number(entry), command });
    }
    return found;
  }
});
