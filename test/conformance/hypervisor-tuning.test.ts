/** Tuning of real QEMU guests and of simulated ones; what libvirt and the kernel say of it afterwards. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Connection } from '../../actors/host/libvirt/binding/mod.ts';
import { createLibvirtHypervisor } from '../../actors/host/libvirt/mod.ts';
import type { Hypervisor } from '../../actors/host/mod.ts';
import { createSimulatedHypervisor } from '../../actors/host/simulated/mod.ts';
import { ownDaemon } from './hypervisor-own-daemon.ts';
import { TestClock } from './hypervisor-test-clock.ts';
import { tuningSuite } from './hypervisor-tuning-suite.ts';

tuningSuite('simulated', {
  simulated: true,
  image: { name: 'tiny', kernel: '/none', initrd: '/none' },
  open: async () => createSimulatedHypervisor({ clock: new TestClock(), seed: 5 }),
  deadline: () => new AbortController().signal,
});

const daemon = await ownDaemon();
if (daemon !== undefined) {
  const { uri, runDir, image } = daemon;
  const bridge = `sgb${process.pid}`;
  const ip = (...args: string[]) => promisify(execFile)('ip', args);
  const open = () => createLibvirtHypervisor({ uri, runDir, guestDeadlineMs: 90_000 });
  await ip('link', 'add', bridge, 'type', 'bridge');

  tuningSuite('libvirt', {
    simulated: false,
    image,
    bridge,
    open,
    deadline: () => AbortSignal.timeout(90_000),
  });

  describe('what libvirt and the kernel have of it', () => {
    const name = `tuned-${process.pid}`;
    let hypervisor: Hypervisor;
    let connection: Connection;

    beforeAll(async () => {
      hypervisor = await open();
      connection = await Connection.open(uri);
      const allocation = { cores: 1, vcpus: 1, memoryMiB: 96 };
      const limit = { ...allocation, vcpus: 3 };
      const disks = [{ sizeMiB: 16 }];
      await hypervisor.create({ name, jobId: 'j', image, allocation, limit, disks, network: { bridge } });
    });
    afterAll(async () => {
      await connection?.close();
      await hypervisor?.destroy(name);
      await hypervisor?.[Symbol.asyncDispose]();
      await ip('link', 'del', bridge);
      expect(await daemon.stop()).toEqual([]);
    });

    test('the weight is in proportion', async () => {
      using domain = await connection.lookupByName(name);
      const before = Number((await domain.schedulerParameters()).cpu_shares);
      await hypervisor.tuning.setWeight(name, 200);
      expect(await domain.schedulerParameters()).toMatchObject({ cpu_shares: 2 * before });
    });

    test('threads stay on their cores, also those that are plugged later', async () => {
      using domain = await connection.lookupByName(name);
      await hypervisor.tuning.setPlacement(name, { vcpus: [[0], [1], []], emulator: [1] });
      expect(await domain.emulatorPinInfo()).toEqual([1]);
      await hypervisor[Symbol.asyncDispose]();
      hypervisor = await open();
      await hypervisor.setVcpus(name, 3);
      expect((await domain.vcpuPinInfo()).slice(0, 2)).toEqual([[0], [1]]);
    });

    test('a limit that is left out stays as it is', async () => {
      using domain = await connection.lookupByName(name);
      await hypervisor.tuning.setDiskLimit(name, 'vda', { readMBps: 5, writeMBps: 2, readIops: 100 });
      await hypervisor.tuning.setDiskLimit(name, 'vda', { readMBps: 0, writeIops: 50 });
      expect(await domain.blockIoTune('vda')).toMatchObject({
        read_bytes_sec: 0,
        write_bytes_sec: 2_000_000,
        read_iops_sec: 100,
        write_iops_sec: 50,
      });
    });

    test.skipIf(process.getuid?.() !== 0)(
      'the network is limited both ways, and nothing is left',
      async () => {
        if (hypervisor.capabilities.bandwidth !== 'tc') return;
        using domain = await connection.lookupByName(name);
        const [, tap = ''] = /<interface\b.*?<target dev='([^']+)'/s.exec(await domain.xml()) ?? [];
        const qdiscs = async () => (await promisify(execFile)('tc', ['qdisc', 'show'])).stdout;
        await hypervisor.tuning.setBandwidth(name, { inboundMbps: 10, outboundMbps: 5 });
        const again = await open();
        await again.tuning.setBandwidth(name, { inboundMbps: 20 });
        expect(await qdiscs()).toMatch(new RegExp(`tbf \\S+ dev ${tap} root .*rate 20Mbit`));
        const [, through] = /tbf \S+ dev (sgo\S+) root .*rate 5Mbit/.exec(await qdiscs()) ?? [];
        expect(through).toBeDefined();
        const { stdout } = await promisify(execFile)('tc', ['filter', 'show', 'dev', tap, 'parent', 'ffff:']);
        expect(stdout.match(/mirred/g)).toHaveLength(1);
        expect(stdout).toContain(through);
        await hypervisor.tuning.setBandwidth(name, { outboundMbps: 0 });
        expect(await qdiscs()).not.toContain(through);
        await hypervisor.tuning.setBandwidth(name, { outboundMbps: 5 });
        expect(await qdiscs()).toContain(through);
        // The domain ends while nobody looks: whoever comes next tidies up.
        await again[Symbol.asyncDispose]();
        await hypervisor[Symbol.asyncDispose]();
        await domain.destroy();
        hypervisor = await open();
        expect(await qdiscs()).not.toContain(through);
      },
    );
  });
}
