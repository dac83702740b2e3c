/** The libvirt driver's Migration against the suite of all drivers, between two hosts of a lab, with real QEMU guests. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createLibvirtHypervisor } from '../../actors/host/libvirt/mod.ts';
import { ensureGuestImage } from '../../deploy/guest/mod.ts';
import { type Lab, startLab } from '../../deploy/lab/mod.ts';
import { describeWithGuests } from '../support/guests.ts';
import { until } from '../support/until.ts';
import { migrationSuite } from './hypervisor-migration-suite.ts';

const MARK = 'written-before-it-moved';

describeWithGuests('between two libvirt daemons', () => {
  let folder: string;
  let lab: Lab;

  migrationSuite('libvirt', {
    start: async () => {
      folder = await mkdtemp(join(tmpdir(), 'sg-'));
      lab = await startLab({ runDir: join(folder, 'r'), stateDir: join(folder, 's') });
      return { image: await ensureGuestImage() };
    },
    open: async (host) => createLibvirtHypervisor(lab.hosts[host]!),
    crawlMiBps: 32,
    // Debian 12's QEMU 7.2 cannot follow what an emulated guest writes.
    method: 'stopped',
    stop: async () => {},
  });

  test('a guest that is copied while it runs comes back when that does not converge', async () => {
    // What this QEMU may lose on the way counts at the target only.
    await using here = await createLibvirtHypervisor({ ...lab.hosts[0]!, soundDirtyTracking: true });
    await using there = await createLibvirtHypervisor(lab.hosts[1]!);
    const name = `stalling-${process.pid}`;
    const allocation = { cores: 1, vcpus: 1, memoryMiB: 128 };
    const image = await ensureGuestImage();
    await here.create({ name, jobId: 'j', image, allocation, limit: allocation });
    const agent = await here.agent(name, { signal: AbortSignal.timeout(90_000) });
    await agent.run('load', "workload --phases 'all:threads=1,duty=50,memory=24,seconds=900'");
    const report = await here.migration.migrate(name, await there.migration.target(), {
      bandwidthMiBps: 24,
      downtimeMs: 10,
      stallMs: 1000,
      autoConverge: false,
    });
    expect(report).toMatchObject({ outcome: 'returned', why: expect.stringContaining('stalled') });
    expect(await there.list()).toEqual([]);
    expect(await agent.job()).toMatchObject({ state: 'running', id: 'load' });
    await here.destroy(name);
  });

  test.each([{}, { cold: 'only' } as const])('a local disk goes with the guest: %o', async (options) => {
    const stores = lab.hosts.map((host) => join(lab.sharedDir, host.name));
    await using here = await createLibvirtHypervisor({ ...lab.hosts[0]!, storeDir: stores[0]! });
    await using there = await createLibvirtHypervisor({ ...lab.hosts[1]!, storeDir: stores[1]! });
    const name = `disk-${process.pid}`;
    const allocation = { cores: 1, vcpus: 1, memoryMiB: 96 };
    const disks = [{ sizeMiB: 16 }];
    const image = await ensureGuestImage();
    await here.create({ name, jobId: 'j', image, allocation, limit: allocation, disks });
    const agent = await here.agent(name, { signal: AbortSignal.timeout(90_000) });
    await agent.run('write', `echo ${MARK} | dd of=/dev/vda conv=fsync`);
    await until(async () => (await agent.job()).state === 'exited');
    const report = await here.migration.migrate(name, await there.migration.target(), options);
    expect(report).toMatchObject({ outcome: 'moved' });
    expect(await imagesWith(MARK, stores[1]!)).toHaveLength(1);
    expect(await imagesWith(MARK, stores[0]!)).toEqual([]);
    await there.destroy(name);
    expect(await imagesWith(MARK, stores[1]!)).toEqual([]);
  });

  test('memory goes over TCP inside the network of the lab', async () => {
    const places = lab.hosts.map((host) => ({
      ...host,
      reach: { uri: host.uri, address: host.address!, tls: false },
    }));
    await using here = await createLibvirtHypervisor(places[0]!);
    await using there = await createLibvirtHypervisor(places[1]!);
    const name = `tcp-${process.pid}`;
    const allocation = { cores: 1, vcpus: 1, memoryMiB: 96 };
    await here.create({ name, jobId: 'j', image: await ensureGuestImage(), allocation, limit: allocation });
    const target = await there.migration.target();
    expect(target.via).toEqual({ kind: 'tcp', address: lab.hosts[1]!.address, tls: false });
    await here.agent(name, { signal: AbortSignal.timeout(90_000) });
    const encrypted = {
      ...target,
      via: { kind: 'tcp', address: lab.hosts[1]!.address!, tls: true },
    } as const;
    // There are no certificates in a lab: it is asked for, refused, and the guest stays.
    expect(await here.migration.migrate(name, encrypted)).toMatchObject({ outcome: 'returned' });
    await expect(here.migration.migrate(name, target, { cold: 'only' })).rejects.toMatchObject({
      code: 'migration-refused',
      field: 'target.via',
    });
    expect(await here.migration.migrate(name, target)).toMatchObject({ outcome: 'moved' });
    await there.destroy(name);
  });

  afterAll(async () => {
    await lab?.stop();
    await rm(folder, { recursive: true, force: true });
  });
});

/** Files below `folder` that hold `text`. */
async function imagesWith(text: string, folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && (await readFile(path)).includes(text)) found.push(path);
  }
  return found;
}
