/** What every driver's Migration must do, on two hosts; one guest is shared by all tests, which run in order. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GuestAgent } from '../../actors/host/agent/mod.ts';
import type {
  DomainSpec,
  GuestImage,
  Hypervisor,
  LifecycleEvent,
  MigrationOptions,
  MigrationProgress,
  MigrationReport,
} from '../../actors/host/mod.ts';

export interface MigrationHarness {
  start(): Promise<{ readonly image: GuestImage }>;
  /** Opens the driver of one of the two hosts. */
  open(host: 0 | 1): Promise<Hypervisor>;
  /** Makes everything slow enough, MiB/s: about what a guest at work changes. */
  readonly crawlMiBps: number;
  /** Whether guests run while they are copied: `pre-copy`; else `stopped`. */
  readonly method: 'pre-copy' | 'stopped';
  /** Drives the clock where time is simulated: called over and over while a test waits. */
  readonly pass?: () => void;
  stop(): Promise<void>;
}

const NAME = `moving-${process.pid}`;
const BOOT_MS = 90_000;
/** Keeps two threads busy and changes memory all the time. */
const LOAD = "workload --phases 'all:threads=2,duty=100,memory=16,seconds=900'";

export function migrationSuite(driver: string, harness: MigrationHarness): void {
  const live = harness.method === 'pre-copy';
  describe(`migration: ${driver}`, () => {
    let hosts: [Hypervisor, Hypervisor];
    let at: 0 | 1 = 0;
    let spec: DomainSpec;
    let agent: GuestAgent;
    const events: [LifecycleEvent[], LifecycleEvent[]] = [[], []];

    beforeAll(async () => {
      const { image } = await harness.start();
      hosts = [await harness.open(0), await harness.open(1)];
      hosts.forEach((host, index) => {
        host.onLifecycle((event) => event.domain === NAME && events[index as 0 | 1].push(event));
      });
      spec = {
        name: NAME,
        jobId: 'job',
        image,
        allocation: { cores: 1, vcpus: 1, memoryMiB: 128 },
        limit: { cores: 2, vcpus: 4, memoryMiB: 384 },
      };
      await hosts[0].create(spec);
      agent = await hurry(hosts[0].agent(NAME, { signal: AbortSignal.timeout(BOOT_MS) }));
    });
    afterAll(async () => {
      for (const host of hosts ?? []) {
        await host.destroy(NAME);
        await host[Symbol.asyncDispose]();
      }
      await harness.stop();
    });

    test('refuses what cannot be done before anything is begun', async () => {
      const there = await hosts[1].migration.target();
      const refused = { code: 'migration-refused' };
      await expect(hosts[0].migration.migrate('nobody', there)).rejects.toMatchObject({
        code: 'domain-not-found',
      });
      await expect(hosts[0].migration.migrate('../x', there)).rejects.toMatchObject({
        code: 'invalid-field',
      });
      const self = hosts[0].migration.migrate(NAME, await hosts[0].migration.target());
      await expect(self).rejects.toMatchObject(refused);
      const nowhere = hosts[0].migration.migrate(NAME, {
        ...there,
        uri: 'qemu+unix:///system?socket=/nonexistent',
      });
      await expect(nowhere).rejects.toMatchObject({ ...refused, retryable: true });
      const aborted = hosts[0].migration.migrate(NAME, there, { signal: AbortSignal.abort() });
      await expect(aborted).rejects.toMatchObject(refused);
      await expectAt(0);
    });

    test('refuses a target that runs another domain of the name, and leaves that one alone', async () => {
      await hosts[1].create({ ...spec, jobId: 'another' });
      await expect(move()).rejects.toMatchObject({ code: 'migration-refused' });
      expect(await hosts[0].migration.resolve(NAME, await hosts[1].migration.target())).toBe('here');
      expect(await hosts[1].list()).toMatchObject([{ name: NAME, jobId: 'another', state: 'running' }]);
      await hosts[1].destroy(NAME);
      await expectAt(0);
    });

    test('there and back, at work, with what was plugged meanwhile', async () => {
      await hurry(hosts[0].setVcpus(NAME, 2));
      expect(await hosts[0].setMemory(NAME, 256)).toBe(256);
      await agent.run('load', LOAD);
      for (const _ of [1, 2]) {
        const seen: MigrationProgress['phase'][] = [];
        const from = at;
        events[from].length = events[1 - from]!.length = 0;
        const report = await move({ onProgress: ({ phase }) => seen.push(phase) });
        expect(report).toMatchObject({ domain: NAME, outcome: 'moved', method: harness.method });
        expect(report.copiedMiB).toBeGreaterThan(10);
        expect(report.downtimeMs).toBeLessThan(report.totalMs);
        expect([seen[0], seen.at(-1)]).toEqual(['preparing', 'probing']);
        expect(seen).toContain('copying');
        await expectAt(from === 0 ? 1 : 0);
        expect(await agent.stats()).toMatchObject({ onlineVcpus: 2 });
        expect(await agent.job()).toMatchObject({ state: 'running', id: 'load' });
        const [status] = await hosts[at].list();
        expect(status).toMatchObject({
          jobId: 'job',
          allocation: { vcpus: 2, memoryMiB: 256 },
          limit: spec.limit,
        });
        const ends = events[from].filter(({ event }) => ['stopped', 'crashed', 'migrated'].includes(event));
        expect(ends).toEqual([{ domain: NAME, event: 'migrated', detail: 'migrated' }]);
        await until(() =>
          events[at].some(({ event, detail }) => event === 'started' && detail === 'migrated'),
        );
      }
      expect(await hurry(hosts[at].setMemory(NAME, 192))).toBe(192);
      await hurry(hosts[at].setVcpus(NAME, 3));
    });

    test('comes back when it is cancelled', async () => {
      const abort = new AbortController();
      const report = await crawl({
        signal: abort.signal,
        onProgress: ({ phase }) => phase === 'copying' && abort.abort(),
      });
      expect(report).toMatchObject({ outcome: 'returned', why: expect.stringContaining('cancelled') });
      await expectAt(at);
    });

    test('comes back when its deadline passes', async () => {
      const report = await crawl({ deadlineMs: 1500 });
      expect(report).toMatchObject({ outcome: 'returned', why: expect.stringContaining('deadline') });
      await expectAt(at);
    });

    test.runIf(live)('comes back when it stalls', async () => {
      const report = await crawl({ stallMs: 1500, autoConverge: false });
      expect(report).toMatchObject({ outcome: 'returned', why: expect.stringContaining('stalled') });
      await expectAt(at);
    });

    test.runIf(live)('switches first when it stalls, where that is allowed', async () => {
      const to = at === 0 ? 1 : 0;
      const report = await crawl({ stallMs: 1500, autoConverge: false, postCopy: true });
      expect(report).toMatchObject({ outcome: 'moved', method: 'post-copy' });
      await expectAt(to);
    });

    test.each(live ? (['only', 'fallback'] as const) : (['only'] as const))(
      'moves cold (cold: %s, when it stalls)',
      async (cold) => {
        const to = at === 0 ? 1 : 0;
        const report = await (cold === 'only'
          ? move({ cold })
          : crawl({ cold, stallMs: 1000, autoConverge: false }));
        expect(report).toMatchObject({ outcome: 'moved', method: 'cold' });
        expect(report.downtimeMs).toBeGreaterThan(0);
        await expectAt(to);
        expect(await agent.job()).toMatchObject({ state: 'running', id: 'load' });
        expect(await agent.stats()).toMatchObject({ onlineVcpus: 3 });
      },
    );

    test.each<MigrationOptions>([{ cold: 'never' }, { cold: 'only' }, { wayBack: 'checkpoint' }])(
      'brings back a guest that does not answer over there: %o',
      async (options) => {
        const probe = () => Promise.reject(new Error('not a word'));
        const report = await move({ ...options, probe, probeMs: 2000 });
        expect(report).toMatchObject({ outcome: 'returned', why: expect.stringContaining('not a word') });
        await expectAt(at);
        expect(await agent.job()).toMatchObject({ state: 'running', id: 'load' });
      },
    );

    test('resolves what is under way in favour of this host', async () => {
      const there = await hosts[1 - at]!.migration.target();
      let resolved: Promise<string> | undefined;
      const report = await crawl({
        onProgress: ({ phase }) => {
          if (phase === 'copying') resolved ??= hosts[at].migration.resolve(NAME, there);
        },
      });
      expect(report.outcome).toBe('returned');
      expect(await hurry(resolved!)).toBe('here');
      await expectAt(at);
    });

    test('resolves what is over: here, there, nowhere', async () => {
      const there = await hosts[1 - at]!.migration.target();
      const here = await hosts[at].migration.target();
      expect(await hosts[at].migration.resolve(NAME, there)).toBe('here');
      expect(await hosts[1 - at]!.migration.resolve(NAME, here)).toBe('there');
      expect(await hosts[at].migration.resolve('nobody', there)).toBe('nowhere');
      await expectAt(at);
    });

    async function move(options: MigrationOptions = {}): Promise<MigrationReport> {
      const there = await hosts[1 - at]!.migration.target();
      const report = await hurry(hosts[at].migration.migrate(NAME, there, options));
      if (report.outcome === 'moved') at = at === 0 ? 1 : 0;
      return report;
    }

    function crawl(options: MigrationOptions): Promise<MigrationReport> {
      return move({ downtimeMs: 20, bandwidthMiBps: harness.crawlMiBps, ...options });
    }

    /** One host runs it, the other has nothing of it, and its guest answers. */
    async function expectAt(host: 0 | 1): Promise<void> {
      expect(await hosts[host].list()).toMatchObject([{ name: NAME, state: 'running' }]);
      expect(await hosts[1 - host]!.list()).toEqual([]);
      agent = await hurry(hosts[host].agent(NAME, { signal: AbortSignal.timeout(30_000) }));
      await agent.stats();
    }

    async function until(holds: () => boolean): Promise<void> {
      for (const deadline = Date.now() + 20_000; !holds(); await pause()) {
        if (Date.now() > deadline) throw new Error('waited in vain');
      }
    }

    /** Lets simulated time pass until `waiting` settles. */
    async function hurry<T>(waiting: Promise<T>): Promise<T> {
      let settled = false;
      const done = () => {
        settled = true;
      };
      waiting.then(done, done);
      while (harness.pass && !settled) await pause();
      return waiting;
    }

    async function pause(): Promise<void> {
      harness.pass?.();
      await new Promise((resolve) => setTimeout(resolve, harness.pass ? 0 : 20));
    }
  });
}
