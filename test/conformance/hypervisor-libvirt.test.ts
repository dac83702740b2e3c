/** The libvirt driver against the suite of all hypervisors, with real QEMU guests on a daemon of the test's own. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createLibvirtHypervisor } from '../../actors/host/libvirt/mod.ts';
import type { Hypervisor } from '../../actors/host/mod.ts';
import { ensureGuestImage } from '../../deploy/guest/mod.ts';
import {
  ensureLibvirtd,
  type Libvirtd,
  LibvirtMissing,
  LibvirtNeedsRoot,
} from '../../deploy/libvirtd/mod.ts';
import { hypervisorSuite } from './hypervisor-suite.ts';

const folder = await mkdtemp(join(tmpdir(), 'sg-'));
const place = { runDir: join(folder, 'run'), stateDir: join(folder, 'state') };
const found = await findDaemon();
const image = 'reason' in found ? undefined : await ensureGuestImage();

if ('reason' in found || image === undefined) {
  const reason = 'reason' in found ? found.reason : 'no guest image';
  console.warn(`libvirt driver not tested: ${reason}`);
  describe.skip(`hypervisor: libvirt (skipped: ${reason})`, () => {
    test('real guests', () => {});
  });
} else {
  let daemon = found;
  const open = () => createLibvirtHypervisor({ uri: daemon.uri, runDir: join(folder, 'guests') });

  const discovered = async () => {
    await using hypervisor = await open();
    return hypervisor.capabilities;
  };

  hypervisorSuite('libvirt', {
    // What depends on this kernel and hardware is what is found.
    capabilities: {
      ...(await discovered()),
      kind: 'libvirt',
      acceleration: 'tcg',
      vcpuShrink: 'agent',
      memoryResize: 'virtio-mem',
      cpuQuota: true,
      survivesRestart: true,
      diskLimits: true,
      placement: true,
      memoryNodes: true,
      checkpoints: 'live',
      migration: 'live',
    },
    start: async () => ({ image }),
    open,
    crash: async (name) => {
      process.kill(await qemuOf(name), 'SIGKILL');
    },
    stop: async () => {
      expect(await readdir(join(folder, 'guests', 'agent'))).toEqual([]);
    },
  });

  describe('libvirt driver', () => {
    const name = `restart-${process.pid}`;
    let hypervisor: Hypervisor;

    test.skipIf(found.origin !== 'started')(
      'outlives the daemon: unavailable, then back by itself',
      async () => {
        hypervisor = await open();
        const limit = { cores: 1, vcpus: 1, memoryMiB: 96 };
        const status = await hypervisor.create({ name, jobId: 'j', image, allocation: limit, limit });
        process.kill(daemon.pid!, 'SIGKILL');
        await expect
          .poll(() => codeOf(hypervisor.list()), { timeout: 10_000 })
          .toBe('hypervisor-unavailable');
        expect(await codeOf(hypervisor.setCores(name, 0.5))).toBe('hypervisor-unavailable');
        daemon = await ensureLibvirtd(place);
        await expect.poll(() => codeOf(hypervisor.list()), { timeout: 30_000 }).toBeUndefined();
        expect(await hypervisor.list()).toContainEqual(status);
        await expect.poll(() => codeOf(hypervisor.setCores(name, 0.5)), { timeout: 30_000 }).toBeUndefined();
        await expect.poll(() => codeOf(hypervisor.destroy(name)), { timeout: 30_000 }).toBeUndefined();
      },
    );

    test('leaves domains of others alone', async () => {
      expect(await codeOf(createLibvirtHypervisor({ uri: daemon.uri, runDir: 'relative' }))).toBe(
        'invalid-field',
      );
      await using other = await createLibvirtHypervisor({
        uri: 'test:///default',
        runDir: join(folder, 'other'),
      });
      expect(await other.list()).toEqual([]);
      expect(await codeOf(other.setMemory('test', 1))).toBe('domain-not-found');
      await other.destroy('test');
      expect(await codeOf(other.create(specOf('test')))).toBe('domain-exists');
    });

    test('says what to do when there is no daemon', async () => {
      const uri = 'qemu:///system?socket=/nonexistent/sock';
      await expect(createLibvirtHypervisor({ uri, runDir: join(folder, 'none') })).rejects.toMatchObject({
        code: 'hypervisor-unavailable',
        message: expect.stringContaining('/nonexistent/sock'),
        hint: expect.stringContaining('libvirtd'),
      });
    });

    afterAll(async () => {
      await hypervisor?.destroy(name);
      await hypervisor?.[Symbol.asyncDispose]();
    });
  });

  function specOf(domain: string) {
    const allocation = { cores: 1, vcpus: 1, memoryMiB: 96 };
    return { name: domain, jobId: 'j', image: image!, allocation, limit: allocation };
  }

  afterAll(async () => {
    expect(await daemon.stop()).toEqual([]);
    await rm(folder, { recursive: true, force: true });
  });
}

async function findDaemon(): Promise<Libvirtd | { readonly reason: string }> {
  try {
    return await ensureLibvirtd(place);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    if (error instanceof LibvirtMissing || error instanceof LibvirtNeedsRoot)
      return { reason: error.message };
    throw error;
  }
}

async function codeOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error) => error.code,
  );
}

async function qemuOf(name: string): Promise<number> {
  for (const entry of await readdir('/proc')) {
    const commandLine = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
    if (commandLine.includes(`\0guest=${name},`)) return Number(entry);
  }
  throw new Error(`no process runs ${name}`);
}
