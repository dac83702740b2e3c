/** What the checkpoints of every driver must do; one guest is shared by all tests, which run in order. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GuestAgent } from '../../actors/host/agent/mod.ts';
import type {
  CheckpointProgress,
  DomainSpec,
  GuestImage,
  Hypervisor,
  LifecycleEvent,
} from '../../actors/host/mod.ts';

export interface CheckpointHarness {
  start(): Promise<{ readonly image: GuestImage }>;
  open(): Promise<Hypervisor>;
  /** Breaks the files of a checkpoint; absent where there are none. */
  readonly damage?: (domain: string, id: string) => Promise<void>;
  /** What is left on the host of a domain, by name. */
  readonly leftovers?: (domain: string) => Promise<string[]>;
  /** Drives the clock where time is simulated: called over and over while a test waits. */
  readonly pass?: () => void;
  stop(): Promise<void>;
}

const NAME = `checkpoint-${process.pid}`;
const WAIT_MS = 60_000;

export function checkpointSuite(driver: string, harness: CheckpointHarness): void {
  describe(`checkpoints: ${driver}`, () => {
    let hypervisor: Hypervisor;
    let agent: GuestAgent;
    let spec: DomainSpec;
    const events: LifecycleEvent[] = [];

    beforeAll(async () => {
      const { image } = await harness.start();
      hypervisor = await harness.open();
      hypervisor.onLifecycle((event) => {
        if (event.domain === NAME) events.push(event);
      });
      spec = {
        name: NAME,
        jobId: 'job-of-checkpoints',
        image,
        allocation: { cores: 1.5, vcpus: 1, memoryMiB: 96 },
        limit: { cores: 2, vcpus: 4, memoryMiB: 384 },
      };
    });
    afterAll(async () => {
      await hypervisor?.destroy(NAME);
      for (const { id } of (await hypervisor?.checkpoints.list(NAME)) ?? []) {
        await hypervisor.checkpoints.remove(NAME, id);
      }
      const left = await harness.leftovers?.(NAME);
      await hypervisor?.[Symbol.asyncDispose]();
      await harness.stop();
      expect(left ?? []).toEqual([]);
    });

    test('declares them', () => {
      expect(hypervisor.capabilities.checkpoints).toBe('live');
    });

    test('refuses bad names, and knows nothing of a domain that is not there', async () => {
      const { checkpoints } = hypervisor;
      const hostile = ['../etc', 'a/b', '', 'x'.repeat(64), "x'/><evil/>", '..', 'A'];
      for (const bad of hostile) {
        const refusal = (field: string) => ({ code: 'invalid-field', field, hint: expect.any(String) });
        await expect(checkpoints.take(bad)).rejects.toMatchObject(refusal('name'));
        await expect(checkpoints.take(NAME, { id: bad })).rejects.toMatchObject(refusal('id'));
        await expect(checkpoints.rollBack(NAME, bad)).rejects.toMatchObject(refusal('id'));
        await expect(checkpoints.verify(NAME, bad)).rejects.toMatchObject(refusal('id'));
        await expect(checkpoints.remove(NAME, bad)).rejects.toMatchObject(refusal('id'));
        await expect(checkpoints.list(bad)).rejects.toMatchObject(refusal('name'));
      }
      for (const keep of [0, -1, 1.5, Number.NaN]) {
        await expect(checkpoints.take(NAME, { keep })).rejects.toMatchObject({ field: 'keep' });
      }
      await expect(checkpoints.take(NAME)).rejects.toMatchObject({ code: 'domain-not-found' });
      await expect(checkpoints.rollBack(NAME, 'none')).rejects.toMatchObject({
        code: 'checkpoint-not-found',
      });
      await expect(checkpoints.verify(NAME, 'none')).rejects.toMatchObject({ code: 'checkpoint-not-found' });
      await checkpoints.remove(NAME, 'none');
      expect(await checkpoints.list(NAME)).toEqual([]);
    });

    test('takes one of a guest that runs on', { timeout: 2 * WAIT_MS }, async () => {
      await hypervisor.create(spec);
      agent = await connect();
      await agent.run('one', 'echo first');
      await until(async () => (await agent.job()).state === 'exited');
      await hurry(hypervisor.setVcpus(NAME, 2));
      await hypervisor.setMemory(NAME, 160);
      await until(async () => (await agent.stats()).memoryTotalMiB > 110);
      await hypervisor.setCores(NAME, 0.75);
      const progress: CheckpointProgress[] = [];
      const taken = await hurry(
        hypervisor.checkpoints.take(NAME, { id: 'before', onProgress: (one) => progress.push(one) }),
      );
      expect(taken).toMatchObject({
        id: 'before',
        domain: NAME,
        jobId: 'job-of-checkpoints',
        allocation: { cores: 0.75, vcpus: 2, memoryMiB: 160 },
      });
      expect(taken.bytes).toBeGreaterThan(0);
      expect(taken.pausedMs).toBeGreaterThan(0);
      expect(taken.verifiedAt).toBeGreaterThanOrEqual(taken.at);
      const phases = [...new Set(progress.map(({ phase }) => phase))];
      expect(phases).toEqual(['preparing', 'saving', 'verifying']);
      expect(await hypervisor.checkpoints.list(NAME)).toEqual([taken]);
      expect(await hypervisor.checkpoints.list()).toContainEqual(taken);
      expect(await agent.job()).toMatchObject({ state: 'exited', id: 'one' });
      expect(await listed()).toMatchObject({ state: 'running', allocation: taken.allocation });
    });

    test('refuses a second one of the same name', async () => {
      const again = hypervisor.checkpoints.take(NAME, { id: 'before' });
      await expect(again).rejects.toMatchObject({ code: 'checkpoint-failed' });
      expect(await hypervisor.checkpoints.list(NAME)).toHaveLength(1);
    });

    test('goes back: content and shape, with no word of an end', { timeout: 2 * WAIT_MS }, async () => {
      await hurry(hypervisor.setVcpus(NAME, 3));
      await hypervisor.setMemory(NAME, 256);
      await hypervisor.setCores(NAME, 1.25);
      await agent.run('two', 'echo second');
      await until(async () => (await output()).endsWith('second\n'));
      await hurry(hypervisor.checkpoints.take(NAME, { id: 'after' }));
      events.length = 0;
      const status = await hurry(hypervisor.checkpoints.rollBack(NAME, 'before'));
      expect(status).toEqual({
        name: NAME,
        jobId: spec.jobId,
        state: 'running',
        allocation: { cores: 0.75, vcpus: 2, memoryMiB: 160 },
        limit: spec.limit,
      });
      expect(await listed()).toEqual(status);
      agent = await connect();
      expect(await agent.job()).toMatchObject({ state: 'exited', id: 'one' });
      expect(await output()).toMatch(/first\n$/);
      expect(await agent.stats()).toMatchObject({ onlineVcpus: 2 });
      expect((await agent.stats()).memoryTotalMiB).toBeLessThan(160);
      expect(events.map(({ event }) => event)).not.toContain('stopped');
      expect(events.map(({ event }) => event)).not.toContain('crashed');
    });

    test('goes forward again: newer ones stay', { timeout: 2 * WAIT_MS }, async () => {
      expect((await hypervisor.checkpoints.list(NAME)).map(({ id }) => id)).toEqual(['before', 'after']);
      const status = await hurry(hypervisor.checkpoints.rollBack(NAME, 'after'));
      expect(status.allocation).toEqual({ cores: 1.25, vcpus: 3, memoryMiB: 256 });
      agent = await connect();
      expect(await agent.job()).toMatchObject({ state: 'exited', id: 'two' });
      expect(await agent.stats()).toMatchObject({ onlineVcpus: 3 });
    });

    test('can be resized after it went back', { timeout: 2 * WAIT_MS }, async () => {
      await hurry(hypervisor.checkpoints.rollBack(NAME, 'before'));
      agent = await connect();
      await hurry(hypervisor.setVcpus(NAME, 4));
      expect(await agent.stats()).toMatchObject({ onlineVcpus: 4 });
      await hypervisor.setMemory(NAME, 256);
      await until(async () => (await agent.stats()).memoryTotalMiB > 200);
      await hypervisor.setCores(NAME, 2);
      expect((await listed())?.allocation).toEqual({ cores: 2, vcpus: 4, memoryMiB: 256 });
    });

    test('a job that runs goes on from where it was', { timeout: 2 * WAIT_MS }, async () => {
      await agent.run('three', 'echo dawn; sleep 10; echo dusk; sleep 600');
      await until(async () => (await output()).includes('dawn'));
      await hurry(hypervisor.checkpoints.take(NAME, { id: 'running', keep: 5 }));
      await until(async () => (await output()).includes('dusk'));
      await hurry(hypervisor.checkpoints.rollBack(NAME, 'running'));
      agent = await connect();
      expect(await agent.job()).toMatchObject({ state: 'running', id: 'three' });
      expect(await output()).not.toContain('dusk');
      await until(async () => (await output()).includes('dusk'));
      await agent.kill(100);
      await until(async () => (await agent.job()).state === 'exited');
    });

    test('what is cancelled or too slow leaves nothing', async () => {
      const before = await hypervisor.checkpoints.list(NAME);
      const { checkpoints } = hypervisor;
      const failed = { code: 'checkpoint-failed', message: expect.stringContaining('cancelled') };
      await expect(checkpoints.take(NAME, { signal: AbortSignal.abort() })).rejects.toMatchObject(failed);
      const cancelling = new AbortController();
      const cancelled = checkpoints.take(NAME, {
        signal: cancelling.signal,
        onProgress: ({ phase }) => phase === 'saving' && cancelling.abort(),
      });
      await expect(hurry(cancelled)).rejects.toMatchObject(failed);
      const late = hurry(checkpoints.take(NAME, { deadlineMs: 1 }));
      await expect(late).rejects.toMatchObject({
        code: 'checkpoint-failed',
        message: expect.stringContaining('1 ms'),
      });
      const back = hurry(checkpoints.rollBack(NAME, 'before', { signal: AbortSignal.abort() }));
      await expect(back).rejects.toMatchObject({ code: 'rollback-failed' });
      expect(await checkpoints.list(NAME)).toEqual(before);
      expect(await listed()).toMatchObject({ state: 'running', allocation: { vcpus: 4 } });
      expect((await agent.stats()).onlineVcpus).toBe(4);
    });

    test('verifies anew when asked', async () => {
      const [before] = await hypervisor.checkpoints.list(NAME);
      const verified = await hurry(hypervisor.checkpoints.verify(NAME, 'before'));
      expect(verified.verifiedAt).toBeGreaterThanOrEqual(before!.verifiedAt!);
      expect(verified).toEqual({ ...before, verifiedAt: verified.verifiedAt });
      expect((await hypervisor.checkpoints.list(NAME))[0]).toEqual(verified);
    });

    test('keeps only so many, the newest', { timeout: 2 * WAIT_MS }, async () => {
      const first = await hurry(hypervisor.checkpoints.take(NAME, { id: 'kept-1', keep: 2 }));
      await until(async () => {
        const next = await hypervisor.checkpoints.list(NAME);
        return next.length === 2;
      });
      await hurry(hypervisor.checkpoints.take(NAME, { id: 'kept-2', keep: 2 }));
      const ids = (await hypervisor.checkpoints.list(NAME)).map(({ id }) => id);
      expect(ids).toEqual([first.id, 'kept-2']);
      const gone = hypervisor.checkpoints.rollBack(NAME, 'before');
      await expect(gone).rejects.toMatchObject({ code: 'checkpoint-not-found' });
    });

    test.runIf(harness.damage)('a damaged one is not one, and the domain is left as it is', async () => {
      await harness.damage?.(NAME, 'kept-1');
      const damaged = { code: 'checkpoint-damaged', hint: expect.any(String) };
      await expect(hypervisor.checkpoints.verify(NAME, 'kept-1')).rejects.toMatchObject(damaged);
      await expect(hypervisor.checkpoints.rollBack(NAME, 'kept-1')).rejects.toMatchObject(damaged);
      expect((await agent.stats()).onlineVcpus).toBe(4);
    });

    test('outlives its domain, and makes it again', { timeout: 2 * WAIT_MS }, async () => {
      await hypervisor.destroy(NAME);
      expect(await listed()).toBeUndefined();
      expect((await hypervisor.checkpoints.list(NAME)).map(({ id }) => id)).toContain('kept-2');
      events.length = 0;
      const status = await hurry(hypervisor.checkpoints.rollBack(NAME, 'kept-2'));
      expect(status).toMatchObject({ state: 'running', allocation: { vcpus: 4, memoryMiB: 256, cores: 2 } });
      await until(() => events.some(({ event }) => event === 'started'));
      agent = await connect();
      expect(await agent.job()).toMatchObject({ state: 'exited', id: 'three' });
    });

    test('is removed, any number of times', async () => {
      for (const { id } of await hypervisor.checkpoints.list(NAME)) {
        await hypervisor.checkpoints.remove(NAME, id);
        await hypervisor.checkpoints.remove(NAME, id);
      }
      expect(await hypervisor.checkpoints.list(NAME)).toEqual([]);
      expect((await agent.stats()).onlineVcpus).toBe(4);
    });

    async function connect(): Promise<GuestAgent> {
      return hurry(hypervisor.agent(NAME, { signal: AbortSignal.timeout(WAIT_MS) }));
    }

    async function listed() {
      return (await hypervisor.list()).find(({ name }) => name === NAME);
    }

    async function output(): Promise<string> {
      return new TextDecoder().decode((await agent.output(0, 1 << 20)).data);
    }

    async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
      for (const deadline = Date.now() + WAIT_MS; Date.now() < deadline; await pause()) {
        if (await holds()) return;
      }
      throw new Error(`not within ${WAIT_MS / 1000} s: ${holds}`);
    }

    /** Lets simulated time pass while `call` is under way. */
    async function hurry<T>(call: Promise<T>): Promise<T> {
      if (harness.pass === undefined) return call;
      let over = false;
      const settle = () => {
        over = true;
      };
      call.then(settle, settle);
      while (!over) await pause();
      return call;
    }

    async function pause(): Promise<void> {
      harness.pass?.();
      await delay(harness.pass === undefined ? 20 : 0);
    }
  });
}
