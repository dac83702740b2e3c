/** What every driver of the Hypervisor port must do with weights, placement, limits and fine grain. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DomainSpec, GuestImage, Hypervisor } from '../../actors/host/mod.ts';

export interface GrainHarness {
  readonly simulated: boolean;
  readonly image: GuestImage;
  /** Opens a driver; each time on the same host. */
  open(): Promise<Hypervisor>;
  /** How long a guest may take to boot. */
  deadline(): AbortSignal;
  /** Drives the clock where time is simulated. */
  readonly pass?: () => void;
  /** Bridge that guests can join, if there is one. */
  readonly bridge?: string;
  stop?(): Promise<void>;
}

const NAME = `tuning-${process.pid}`;
const ALLOCATION = { cores: 1, vcpus: 1, memoryMiB: 96 };

export function tuningSuite(driver: string, harness: GrainHarness): void {
  describe(`tuning: ${driver}`, () => {
    let hypervisor: Hypervisor;
    let spec: DomainSpec;

    beforeAll(async () => {
      hypervisor = await harness.open();
      spec = {
        name: NAME,
        jobId: 'tuned',
        image: harness.image,
        allocation: ALLOCATION,
        limit: { cores: 1, vcpus: 2, memoryMiB: 96 },
        disks: [{ sizeMiB: 16 }],
        ...(harness.bridge !== undefined && { network: { bridge: harness.bridge } }),
      };
      await hypervisor.create(spec);
    }, 60_000);
    afterAll(async () => {
      await hypervisor?.destroy(NAME);
      await hypervisor?.[Symbol.asyncDispose]();
      await harness.stop?.();
    });

    test('takes what is right, any number of times', async () => {
      const { tuning, capabilities } = hypervisor;
      for (let time = 0; time < 2; time++) {
        await tuning.setWeight(NAME, 1);
        await tuning.setWeight(NAME, 10_000);
        await tuning.setWeight(NAME, 100);
        await tuning.setPlacement(NAME, { vcpus: [[0], [0]], emulator: [0] });
        await tuning.setPlacement(NAME, { vcpus: [[]], emulator: [] });
        if (capabilities.memoryNodes) await tuning.setMemoryNodes(NAME, [0]);
        await tuning.setDiskLimit(NAME, 'vda', { readMBps: 5, writeIops: 100 });
        await tuning.setDiskLimit(NAME, 'vda', { readMBps: 0, writeIops: 0 });
        if (capabilities.bandwidth === 'none' || harness.bridge === undefined) continue;
        await tuning.setBandwidth(NAME, { inboundMbps: 10, outboundMbps: 5 });
        await tuning.setBandwidth(NAME, { outboundMbps: 0 });
      }
    });

    test.each([
      ['weight', (h) => h.tuning.setWeight(NAME, 0)],
      ['weight', (h) => h.tuning.setWeight(NAME, 1.5)],
      ['vcpus', (h) => h.tuning.setPlacement(NAME, { vcpus: [[], [], []] })],
      ['vcpus[1]', (h) => h.tuning.setPlacement(NAME, { vcpus: [[0], [9999]] })],
      ['vcpus[0]', (h) => h.tuning.setPlacement(NAME, { vcpus: [[0, 0]] })],
      ['emulator', (h) => h.tuning.setPlacement(NAME, { vcpus: [], emulator: [-1] })],
      ['disk', (h) => h.tuning.setDiskLimit(NAME, '../vda', {})],
      ['disk', (h) => h.tuning.setDiskLimit(NAME, 'vdz', { readMBps: 1 })],
      ['readMBps', (h) => h.tuning.setDiskLimit(NAME, 'vda', { readMBps: -1 })],
      ['writeIops', (h) => h.tuning.setDiskLimit(NAME, 'vda', { writeIops: Number.NaN })],
      ['inboundMbps', (h) => h.tuning.setBandwidth(NAME, { inboundMbps: Number.POSITIVE_INFINITY })],
    ] satisfies [string, (hypervisor: Hypervisor) => Promise<void>][])(
      'refuses a bad %s',
      async (field, call) => {
        await expect(call(hypervisor)).rejects.toMatchObject({ code: 'invalid-field', field });
      },
    );

    test('refuses a node that is not there', async () => {
      if (!hypervisor.capabilities.memoryNodes) return;
      for (const nodes of [[], [63], [0, 0]]) {
        await expect(hypervisor.tuning.setMemoryNodes(NAME, nodes)).rejects.toMatchObject({
          code: 'invalid-field',
          field: 'nodes',
        });
      }
    });

    test('refuses a domain that is not there', async () => {
      const gone = { code: 'domain-not-found' };
      await expect(hypervisor.tuning.setWeight('nobody', 100)).rejects.toMatchObject(gone);
      await expect(hypervisor.tuning.setPlacement('nobody', { vcpus: [] })).rejects.toMatchObject(gone);
      await expect(hypervisor.tuning.setDiskLimit('nobody', 'vda', {})).rejects.toMatchObject(gone);
    });

    test('says why for everything that is not there', async () => {
      const { capabilities } = hypervisor;
      const { lacking } = capabilities;
      for (const name of ['cacheWays', 'memoryBandwidth', 'perf', 'placement', 'diskLimits'] as const) {
        expect([name, capabilities[name] || lacking[name]]).toEqual([
          name,
          capabilities[name] || expect.any(String),
        ]);
      }
      expect(capabilities.hugepagesMiB.length > 0 || lacking.hugepages).toBeTruthy();
      expect(capabilities.bandwidth !== 'none' || lacking.bandwidth).toBeTruthy();
    });

    test.each([
      ['cacheWays', { cache: [{ vcpus: [0], cacheId: 0, sizeKiB: 1024 }] }],
      ['memoryBandwidth', { memoryBandwidth: [{ vcpus: [0], node: 0, percent: 50 }] }],
      ['hugepages', { hugepageMiB: 2 }],
    ] as const)('refuses %s where the host lacks it', async (capability, fineGrain) => {
      const { capabilities } = hypervisor;
      const there = { ...capabilities, hugepages: capabilities.hugepagesMiB.length > 0 }[capability];
      if (there) return;
      const refused = hypervisor.create({ ...spec, name: `${NAME}-fine`, fineGrain });
      await expect(refused).rejects.toMatchObject({ code: 'capability-missing', capability });
    });

    test('takes memory from the node that was asked for', async () => {
      if (!hypervisor.capabilities.memoryNodes) return;
      const fine = { ...spec, name: `${NAME}-node`, disks: [], fineGrain: { memoryNodes: [0] } };
      await hypervisor.create(fine);
      await hypervisor.tuning.setMemoryNodes(fine.name, [0]);
      await hypervisor.destroy(fine.name);
      const refused = hypervisor.create({ ...fine, fineGrain: { memoryNodes: [77] } });
      await expect(refused).rejects.toMatchObject({ code: 'invalid-field', field: 'fineGrain.memoryNodes' });
    });
  }, 60_000);
}
