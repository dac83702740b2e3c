/** What every driver of the Hypervisor port must do with warm capacity; one guest, tests in order. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GuestAgent } from '../../actors/host/agent/mod.ts';
import type { DomainSpec, Hypervisor } from '../../actors/host/mod.ts';
import type { GrainHarness } from './hypervisor-tuning-suite.ts';

const NAME = `warmth-${process.pid}`;
const NOTHING = { vcpus: 0, memoryMiB: 0 };
/** CPUs, and how much a program gets that wants 150 MiB. */
const FILL = `nproc; mkdir -p /tmp/fill; mount -t tmpfs -o size=300m fill /tmp/fill
dd if=/dev/zero of=/tmp/fill/x bs=1M count=150 2>/dev/null
stat -c %s /tmp/fill/x; umount /tmp/fill`;
const COLD = { cores: 1, vcpus: 1, memoryMiB: 128 };

export function warmthSuite(driver: string, harness: GrainHarness): void {
  describe(`warm capacity: ${driver}`, () => {
    let hypervisor: Hypervisor;
    let agent: GuestAgent;
    let before: number;

    beforeAll(async () => {
      hypervisor = await harness.open();
      const spec: DomainSpec = {
        name: NAME,
        jobId: 'warm',
        image: harness.image,
        allocation: COLD,
        limit: { cores: 2, vcpus: 4, memoryMiB: 384 },
      };
      await hypervisor.create(spec);
      agent = await settle(hypervisor.agent(NAME, { signal: harness.deadline() }));
      before = (await agent.stats()).memoryTotalMiB;
    }, 120_000);
    afterAll(async () => {
      await hypervisor?.destroy(NAME);
      await hypervisor?.[Symbol.asyncDispose]();
      await harness.stop?.();
    });

    test('there is none at first, and nothing to activate or cool', async () => {
      expect(await hypervisor.warmth.warmCapacity(NAME)).toEqual(NOTHING);
      expect(await settle(hypervisor.warmth.activate(NAME))).toEqual(COLD);
      await settle(hypervisor.warmth.cool(NAME));
      expect(await status()).not.toHaveProperty('warm');
    });

    test.each([
      ['vcpus', { vcpus: 5, memoryMiB: 128 }],
      ['vcpus', { vcpus: 0, memoryMiB: 128 }],
      ['memoryMiB', { vcpus: 1, memoryMiB: 385 }],
      ['memoryMiB', { vcpus: 1, memoryMiB: Number.NaN }],
    ])('refuses a bad %s', async (field, target) => {
      const refused = settle(hypervisor.warmth.warm(NAME, target));
      await expect(refused).rejects.toMatchObject({ code: 'invalid-field', field });
    });

    test('refuses a domain that is not there', async () => {
      const gone = { code: 'domain-not-found' };
      await expect(settle(hypervisor.warmth.warm('nobody', COLD))).rejects.toMatchObject(gone);
      await expect(settle(hypervisor.warmth.activate('nobody'))).rejects.toMatchObject(gone);
      await expect(settle(hypervisor.warmth.cool('nobody'))).rejects.toMatchObject(gone);
      await expect(hypervisor.warmth.warmCapacity('nobody')).rejects.toMatchObject(gone);
    });

    test('warms up without the guest having any of it', async () => {
      const warm = await settle(hypervisor.warmth.warm(NAME, { vcpus: 3, memoryMiB: 228 }));
      expect(warm).toEqual({ vcpus: 2, memoryMiB: 100 });
      expect(await status()).toMatchObject({ allocation: COLD, warm });
      expect(await hypervisor.warmth.warmCapacity(NAME)).toEqual(warm);
      expect(await agent.stats()).toMatchObject({ onlineVcpus: 1, memoryTotalMiB: before });
    });

    test('is warm for a driver that starts later, and the same again changes nothing', async () => {
      if (hypervisor.capabilities.survivesRestart) {
        await hypervisor[Symbol.asyncDispose]();
        hypervisor = await harness.open();
        agent = await hypervisor.agent(NAME, { signal: harness.deadline() });
      }
      expect(await hypervisor.warmth.warmCapacity(NAME)).toEqual({ vcpus: 2, memoryMiB: 100 });
      const warm = await settle(hypervisor.warmth.warm(NAME, { vcpus: 3, memoryMiB: 228 }));
      expect(warm).toEqual({ vcpus: 2, memoryMiB: 100 });
      expect(await agent.stats()).toMatchObject({ onlineVcpus: 1, memoryTotalMiB: before });
    });

    test('keeps what is warm from the job', async () => {
      if (harness.simulated) return;
      // Files of a tmpfs count as memory like that of any program.
      const [cpus, bytes] = (await run(agent, FILL)).trim().split('\n').map(Number);
      expect(cpus).toBe(1);
      expect(bytes).toBeLessThan(before * 1024 * 1024);
      expect(await agent.stats()).toMatchObject({ onlineVcpus: 1, memoryTotalMiB: before });
    });

    test('a larger allocation takes from what is warm', async () => {
      await settle(hypervisor.setVcpus(NAME, 2));
      expect(await settle(hypervisor.setMemory(NAME, 168))).toBe(168);
      expect(await status()).toMatchObject({
        allocation: { ...COLD, vcpus: 2, memoryMiB: 168 },
        warm: { vcpus: 1, memoryMiB: 60 },
      });
      await reached({ onlineVcpus: 2, memoryTotalMiB: before + 40 });
    });

    test('a smaller target gives warm capacity back', async () => {
      const warm = await settle(hypervisor.warmth.warm(NAME, { vcpus: 3, memoryMiB: 188 }));
      expect(warm).toEqual({ vcpus: 1, memoryMiB: 20 });
      await reached({ onlineVcpus: 2, memoryTotalMiB: before + 40 });
    });

    test('activates all of it', async () => {
      const allocation = { ...COLD, vcpus: 3, memoryMiB: 188 };
      expect(await settle(hypervisor.warmth.activate(NAME))).toEqual(allocation);
      // At once: there is nothing to wait for.
      expect(await agent.stats()).toMatchObject({ onlineVcpus: 3, memoryTotalMiB: before + 60 });
      expect(await status()).toMatchObject({ allocation });
      expect(await status()).not.toHaveProperty('warm');
      if (!harness.simulated) expect(await run(agent, 'nproc')).toBe('3\n');
    });

    test('cools, and the host has it back', async () => {
      await settle(hypervisor.warmth.warm(NAME, { vcpus: 4, memoryMiB: 256 }));
      await settle(hypervisor.warmth.cool(NAME));
      expect(await hypervisor.warmth.warmCapacity(NAME)).toEqual(NOTHING);
      expect(await status()).toMatchObject({ allocation: { ...COLD, vcpus: 3, memoryMiB: 188 } });
      await reached({ onlineVcpus: 3, memoryTotalMiB: before + 60 });
    });

    test('the allocation shrinks as ever afterwards', async () => {
      await settle(hypervisor.setVcpus(NAME, 1));
      await settle(hypervisor.setMemory(NAME, 128));
      await reached({ onlineVcpus: 1, memoryTotalMiB: before });
    });

    async function status() {
      return (await hypervisor.list()).find(({ name }) => name === NAME);
    }

    async function reached(wanted: { readonly onlineVcpus: number; readonly memoryTotalMiB: number }) {
      const look = async () => {
        harness.pass?.();
        const { onlineVcpus, memoryTotalMiB } = await agent.stats();
        return { onlineVcpus, memoryTotalMiB };
      };
      await expect.poll(look, { timeout: 20_000 }).toEqual(wanted);
    }

    /** Lets simulated time pass until `call` is through. */
    async function settle<T>(call: Promise<T>): Promise<T> {
      let over = false;
      const end = () => {
        over = true;
      };
      call.then(end, end);
      while (harness.pass !== undefined && !over) {
        harness.pass();
        await new Promise((resolve) => setImmediate(resolve));
      }
      return await call;
    }
  }, 60_000);
}

/** Output of a command in the guest. */
async function run(agent: GuestAgent, command: string): Promise<string> {
  const id = `run-${Math.random()}`;
  await agent.run(id, command);
  await expect.poll(async () => (await agent.job()).state, { timeout: 20_000 }).toBe('exited');
  return new TextDecoder().decode((await agent.output(0, 60_000)).data);
}
