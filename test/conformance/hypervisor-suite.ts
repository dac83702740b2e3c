/** What every driver of the Hypervisor port must do; one guest is shared by all tests, which run in order. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GuestAgent } from '../../actors/host/agent/mod.ts';
import {
  type DomainSpec,
  type GuestImage,
  type Hypervisor,
  type HypervisorCapabilities,
  type LifecycleEvent,
  SAMPLE_COLUMNS,
} from '../../actors/host/mod.ts';

export interface HypervisorHarness {
  /** What the driver is expected to declare. */
  readonly capabilities: HypervisorCapabilities;
  start(): Promise<{ readonly image: GuestImage }>;
  /** Opens a driver; each time on the same host. */
  open(): Promise<Hypervisor>;
  /** Kills the domain's process; absent where there is none. */
  readonly crash?: (name: string) => Promise<void>;
  /** Drives the clock where time is simulated: called over and over while a test waits. */
  readonly pass?: () => void;
  stop(): Promise<void>;
}

const NAME = `conformance-${process.pid}`;
/** What a job id may hold, and XML would choke on. */
const HOSTILE_JOB_ID = `job'"<&>]]>é\u{1f680} <!-- </domain>`;
const BOOT_MS = 90_000;

export function hypervisorSuite(driver: string, harness: HypervisorHarness): void {
  const { capabilities } = harness;

  describe(`hypervisor: ${driver}`, () => {
    let hypervisor: Hypervisor;
    let image: GuestImage;
    let spec: DomainSpec;
    let agent: GuestAgent;
    let events: LifecycleEvent[] = [];

    const open = async () => {
      hypervisor = await harness.open();
      events = [];
      hypervisor.onLifecycle((event) => {
        if (event.domain === NAME) events.push(event);
      });
    };

    beforeAll(async () => {
      ({ image } = await harness.start());
      await open();
      spec = {
        name: NAME,
        jobId: HOSTILE_JOB_ID,
        image,
        allocation: { cores: 1.5, vcpus: 1, memoryMiB: 96 },
        limit: { cores: 2, vcpus: 4, memoryMiB: 384 },
      };
    });
    afterAll(async () => {
      await hypervisor?.destroy(NAME);
      await hypervisor?.[Symbol.asyncDispose]();
      await harness.stop();
    });

    test('declares what it can do, and says what it is', async () => {
      expect(hypervisor.capabilities).toEqual(capabilities);
      const info = await hypervisor.info();
      expect(info.cores).toBeGreaterThan(0);
      expect(info.memoryMiB).toBeGreaterThan(512);
      expect(info.version).toContain(
        capabilities.kind === 'simulated' ? 'simulated' : capabilities.acceleration,
      );
    });

    test.each([
      ['name', { name: '../etc' }],
      ['name', { name: 'a'.repeat(64) }],
      ['name', { name: "x'/><evil/>" }],
      ['jobId', { jobId: '' }],
      ['jobId', { jobId: 'bell\u0007' }],
      ['jobId', { jobId: '\ud800' }],
      ['image.kernel', { image: { name: 'x', kernel: 'relative', initrd: '/x' } }],
      ['allocation.cores', { allocation: { cores: 0, vcpus: 1, memoryMiB: 96 } }],
      ['allocation.cores', { allocation: { cores: 3, vcpus: 1, memoryMiB: 96 } }],
      ['allocation.vcpus', { allocation: { cores: 1, vcpus: 1.5, memoryMiB: 96 } }],
      ['allocation.memoryMiB', { allocation: { cores: 1, vcpus: 1, memoryMiB: Number.NaN } }],
      ['limit.vcpus', { limit: { cores: 2, vcpus: 0, memoryMiB: 384 } }],
    ] satisfies [string, Partial<DomainSpec>][])('refuses a bad %s', async (field, change) => {
      const refused = hypervisor.create({ ...spec, ...change });
      await expect(refused).rejects.toMatchObject({ code: 'invalid-field', field, hint: expect.any(String) });
      expect(await listed()).toBeUndefined();
    });

    test('an aborted creation leaves nothing behind', async () => {
      await expect(hypervisor.create(spec, { signal: AbortSignal.abort() })).rejects.toThrow();
      expect(await listed()).toBeUndefined();
    });

    test('knows nothing of a domain that is not there', async () => {
      const notFound = { code: 'domain-not-found' };
      await expect(hypervisor.setCores(NAME, 1)).rejects.toMatchObject(notFound);
      await expect(hypervisor.setVcpus(NAME, 1)).rejects.toMatchObject(notFound);
      await expect(hypervisor.setMemory(NAME, 100)).rejects.toMatchObject(notFound);
      await expect(hypervisor.agent(NAME)).rejects.toMatchObject(notFound);
      await expect(hypervisor.consoleTail(NAME)).resolves.toBe('');
      await hypervisor.destroy(NAME);
      expect(sample()).toEqual(SAMPLE_COLUMNS.map(() => Number.NaN));
    });

    test('creates a domain and lists it', async () => {
      const expected = {
        name: NAME,
        jobId: HOSTILE_JOB_ID,
        state: 'running',
        allocation: spec.allocation,
        limit: spec.limit,
      };
      expect(await hypervisor.create(spec)).toEqual(expected);
      expect(await listed()).toEqual(expected);
      await until(() => events.some(({ event }) => event === 'started'));
    });

    test('refuses a second domain of the same name', async () => {
      await expect(hypervisor.create(spec)).rejects.toMatchObject({ code: 'domain-exists' });
      expect(await listed()).toMatchObject({ state: 'running' });
    });

    test('gives up on an agent when told to', async () => {
      const waiting = hypervisor.agent(NAME, { signal: AbortSignal.abort() });
      await expect(waiting).rejects.toMatchObject({ code: 'guest-unreachable' });
    });

    test('hands out one agent, once the guest has booted', { timeout: BOOT_MS }, async () => {
      agent = await hurry(hypervisor.agent(NAME, { signal: AbortSignal.timeout(BOOT_MS) }));
      expect(await hypervisor.agent(NAME)).toBe(agent);
      expect(await agent.stats()).toMatchObject({ onlineVcpus: 1 });
      expect(await hypervisor.consoleTail(NAME)).not.toBe('');
    });

    test('runs a command to its exit status and output', async () => {
      expect(await agent.job()).toEqual({ state: 'idle' });
      const command = "echo 'one  two' && sleep 0.1; false; echo three; exit 3";
      await agent.run('first', command);
      await agent.run('first', command);
      expect(await exited('first')).toMatchObject({ exitCode: 3, signal: 0 });
      expect(await output()).toMatch(/one {2}two\nthree\n$/);
      const tail = await agent.output((await agent.output(0, 1 << 20)).data.length - 6, 100);
      expect(new TextDecoder().decode(tail.data)).toBe('three\n');
    });

    test('samples counters that only grow, and what the guest says of itself', async () => {
      await until(() => sample().every(Number.isFinite));
      let before = sample();
      for (let round = 0; round < 20; round++) {
        await pause(20);
        const now = sample();
        expect(now[0]).toBeGreaterThanOrEqual(before[0]!);
        expect(now[1]).toBeGreaterThanOrEqual(before[1]!);
        before = now;
      }
      const [cpuSeconds, throttled, total, available, vcpus] = before;
      expect(cpuSeconds).toBeGreaterThan(0);
      expect(throttled).toBeGreaterThanOrEqual(0);
      expect(total).toBeGreaterThan(40);
      expect(available).toBeLessThan(total!);
      expect(vcpus).toBe(1);
    });

    test.runIf(capabilities.vcpuShrink !== 'none')(
      'grows and shrinks the vCPUs that the guest sees',
      async () => {
        for (const vcpus of [2, 1, 2, 3, 2]) {
          await hurry(hypervisor.setVcpus(NAME, vcpus));
          expect(await agent.stats()).toMatchObject({ onlineVcpus: vcpus });
          expect((await listed())?.allocation.vcpus).toBe(vcpus);
        }
        await refused('vcpus', hypervisor.setVcpus(NAME, 5));
        await refused('vcpus', hypervisor.setVcpus(NAME, 0));
      },
    );

    test.runIf(capabilities.memoryResize !== 'none')(
      'grows and shrinks the memory that the guest sees',
      async () => {
        const { memoryTotalMiB: before } = await agent.stats();
        expect(await hypervisor.setMemory(NAME, 255)).toBe(256);
        await untilStats(({ memoryTotalMiB }) => memoryTotalMiB > before + 140);
        expect((await listed())?.allocation.memoryMiB).toBe(256);
        expect(await hypervisor.setMemory(NAME, 128)).toBe(128);
        await untilStats(({ memoryTotalMiB }) => memoryTotalMiB < before + 60);
        expect(await hypervisor.setMemory(NAME, 10)).toBe(96);
        await refused('memoryMiB', hypervisor.setMemory(NAME, 385));
      },
    );

    test.runIf(capabilities.cpuQuota)('limits CPU bandwidth to fractions of a core', async () => {
      const notes: string[] = [];
      const stop = agent.onEvent((event) => event.type === 'note' && notes.push(event.text));
      await agent.run('burn', "workload --phases 'all:threads=2,duty=100,memory=4,seconds=60'");
      await until(() => notes.some((note) => note.startsWith('phase 0 all threads=2 duty=100 memory=4')));
      stop();
      // Small fractions: a busy machine may not give the guest more than that anyway.
      for (const cores of [0.1, 0.25]) {
        await hypervisor.setCores(NAME, cores);
        expect((await listed())?.allocation.cores).toBeCloseTo(cores, 3);
        const { used, throttled } = await measureUse(2000);
        expect(used).toBeLessThan(cores * 1.1);
        expect(used).toBeGreaterThan(cores * 0.5);
        expect(throttled).toBeGreaterThan(0);
      }
      await hypervisor.setCores(NAME, 1.5);
      await refused('cores', hypervisor.setCores(NAME, 2.5));
      await refused('cores', hypervisor.setCores(NAME, 0));
      await refused('cores', hypervisor.setCores(NAME, Number.NaN));
      await agent.kill(500);
      expect(await exited('burn')).toMatchObject({ exitCode: 143, signal: 15 });
    });

    test.runIf(capabilities.survivesRestart)('a second driver adopts what the first one left', async () => {
      const before = await listed();
      await hypervisor[Symbol.asyncDispose]();
      await open();
      expect(await listed()).toEqual(before);
      agent = await hypervisor.agent(NAME, { signal: AbortSignal.timeout(10_000) });
      expect(await agent.job()).toMatchObject({ state: 'exited', id: 'burn' });
      await until(() => sample().every(Number.isFinite));
      await hypervisor.setCores(NAME, 1);
      expect((await listed())?.allocation.cores).toBe(1);
    });

    test('destroys a domain, any number of times', async () => {
      await hypervisor.destroy(NAME);
      expect(events.at(-1)).toEqual({ domain: NAME, event: 'stopped', detail: 'destroyed' });
      await hypervisor.destroy(NAME);
      expect(await listed()).toBeUndefined();
      expect(sample()).toEqual(SAMPLE_COLUMNS.map(() => Number.NaN));
      await expect(agent.stats()).rejects.toMatchObject({ code: 'guest-unreachable' });
    });

    test.runIf(harness.crash)('tells when a domain crashes', async () => {
      await hypervisor.create(spec);
      const waiting = hypervisor.agent(NAME);
      waiting.catch(() => {});
      await harness.crash?.(NAME);
      await until(() => events.at(-1)?.event === 'crashed');
      expect(await listed()).toBeUndefined();
      await expect(waiting).rejects.toMatchObject({ code: 'guest-unreachable' });
      expect(sample()).toEqual(SAMPLE_COLUMNS.map(() => Number.NaN));
    });

    async function listed() {
      return (await hypervisor.list()).find(({ name }) => name === NAME);
    }

    function sample(): number[] {
      const row = new Float64Array(SAMPLE_COLUMNS.length);
      hypervisor.sample([NAME], row);
      return [...row];
    }

    async function output(): Promise<string> {
      return new TextDecoder().decode((await agent.output(0, 1 << 20)).data);
    }

    async function exited(id: string) {
      for (const deadline = Date.now() + 20_000; Date.now() < deadline; await pause(20)) {
        const job = await agent.job();
        if (job.state === 'exited' && job.id === id) return job;
      }
      throw new Error(`job ${id} did not end`);
    }

    async function untilStats(
      holds: (stats: Awaited<ReturnType<GuestAgent['stats']>>) => boolean,
    ): Promise<void> {
      for (const deadline = Date.now() + 20_000; Date.now() < deadline; await pause(20)) {
        if (holds(await agent.stats())) return;
      }
      throw new Error(`the guest still says ${JSON.stringify(await agent.stats())}`);
    }

    /** Cores used and throttled over about `ms` of CPU accounting. */
    async function measureUse(ms: number) {
      await pause(200);
      const began = performance.now();
      const before = sample();
      let simulated = 0;
      while (simulated < ms && performance.now() - began < ms) {
        await pause(50);
        if (harness.pass) simulated += 50;
      }
      const now = sample();
      const seconds = (harness.pass ? simulated : performance.now() - began) / 1000;
      return { used: (now[0]! - before[0]!) / seconds, throttled: (now[1]! - before[1]!) / seconds };
    }

    async function refused(field: string, call: Promise<unknown>): Promise<void> {
      await expect(call).rejects.toMatchObject({ code: 'invalid-field', field });
    }

    async function until(holds: () => boolean): Promise<void> {
      for (const deadline = Date.now() + 20_000; !holds(); await pause(10)) {
        if (Date.now() > deadline) throw new Error('waited in vain');
      }
    }

    /** Waits `ms`: for the machine's clock, or none of it where time is simulated. */
    async function pause(ms: number): Promise<void> {
      if (!harness.pass) return new Promise((resolve) => setTimeout(resolve, ms));
      for (let passed = 0; passed < ms; passed += 10) harness.pass();
      await new Promise((resolve) => setImmediate(resolve));
    }

    /** Lets simulated time pass until `waiting` settles. */
    async function hurry<T>(waiting: Promise<T>): Promise<T> {
      let settled = false;
      const done = () => {
        settled = true;
      };
      waiting.then(done, done);
      while (harness.pass && !settled) await pause(10);
      return waiting;
    }
  });
}
