/** Memory by each device a guest may have: up, down, and warm. */
import { afterAll, describe, expect, test } from 'vitest';
import { createLibvirtHypervisor } from '../../actors/host/libvirt/mod.ts';
import type { Hypervisor } from '../../actors/host/mod.ts';
import { ownDaemon } from './hypervisor-own-daemon.ts';

const daemon = await ownDaemon();
const START = { cores: 1, vcpus: 1, memoryMiB: 128 };
/** A balloon's guest counts the pages that it gave back in steps of its own. */
const TOLERANCE_MIB = 3;
/** What a guest of 128 MiB has for programs is less than this. */
const SETTLED_MIB = 96;

describe.skipIf(daemon === undefined)(
  'memory of real guests',
  () => {
    let hypervisor: Hypervisor;

    afterAll(async () => {
      await hypervisor?.[Symbol.asyncDispose]();
      expect(await daemon?.stop()).toEqual([]);
    });

    test.each(['virtio-mem', 'balloon', 'dimm'] as const)(
      'by %s grows, shrinks and warms up',
      async (memoryDevice) => {
        const { uri, runDir, image } = daemon!;
        hypervisor ??= await createLibvirtHypervisor({ uri, runDir, guestDeadlineMs: 60_000 });
        const name = `memory-${memoryDevice}-${process.pid}`;
        const limit = { cores: 1, vcpus: 1, memoryMiB: 384 };
        const granted = async () =>
          (await hypervisor.list()).find((status) => status.name === name)?.allocation.memoryMiB;
        try {
          await hypervisor.create({ name, jobId: 'j', image, allocation: START, limit, memoryDevice });
          const agent = await hypervisor.agent(name, { signal: AbortSignal.timeout(90_000) });
          const total = async () => (await agent.stats()).memoryTotalMiB;
          // A balloon takes the guest a moment to fill.
          let before = Number.NaN;
          const still = async () => {
            const last = before;
            before = await total();
            return before === last && before < SETTLED_MIB;
          };
          await expect.poll(still, { interval: 300, timeout: 20_000 }).toBe(true);
          const seen = (more: number) =>
            expect
              .poll(async () => Math.abs((await total()) - before - more), { timeout: 20_000 })
              .toBeLessThan(TOLERANCE_MIB);

          expect(await hypervisor.setMemory(name, 256)).toBe(256);
          await seen(128);
          expect(await hypervisor.setMemory(name, 128)).toBe(128);
          await seen(0);
          await expect.poll(granted, { timeout: 20_000 }).toBe(128);

          expect(await hypervisor.warmth.warm(name, { vcpus: 1, memoryMiB: 256 })).toEqual({
            vcpus: 0,
            memoryMiB: 128,
          });
          await seen(0);
          expect(await hypervisor.warmth.activate(name)).toEqual({ ...START, memoryMiB: 256 });
          await seen(128);
        } finally {
          await hypervisor.destroy(name);
        }
      },
    );
  },
  120_000,
);
