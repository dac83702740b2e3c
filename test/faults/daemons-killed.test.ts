/** nats-server or libvirtd dies while jobs are submitted and run: the grid starts it again, and nothing accepted is lost. */
import { expect } from 'vitest';
import { JobClient } from '../../actors/gateway/mod.ts';
import { connectNats, createMux, systemClock } from '../../runtime/mod.ts';
import { test } from '../support/grid-test.ts';
import { describeWithGuests } from '../support/guests.ts';
import { ended, inState } from '../support/jobs.ts';
import { guestOf, libvirtdOf, natsServerOf } from '../support/processes.ts';
import { until } from '../support/until.ts';

const counting = (seconds: number) => ({
  application: 'counting',
  user: 'nobody',
  command: `for i in $(seq ${seconds}); do echo $i; sleep 1; done`,
});
const counted = (seconds: number) => Array.from({ length: seconds }, (_, i) => `${i + 1}\n`).join('');

describeWithGuests('a daemon of the grid dies while a job runs', () => {
  test('nats-server: it comes back, every acknowledged job is there, the running one completes', async ({
    grid,
    client,
  }) => {
    const { id } = await client.jobs.submit(counting(12));
    await inState(client, id, 'running');
    const vm = await guestOf(grid.state, id);
    const pid = await natsServerOf(grid.state);
    const submitting = new AbortController();
    const steady = submitSteadily(client.natsUrl, id, submitting.signal);
    await until(() => steady.accepted.length > 20);
    process.kill(pid ?? 0, 'SIGKILL');
    const acceptedBefore = steady.accepted.length;

    const again = await until(() => natsServerOf(grid.state));
    expect(again).not.toBe(pid);
    await until(() => steady.accepted.length > acceptedBefore + 20);
    submitting.abort();
    await steady.over;
    expect(steady.refused.filter((code) => !RETRYABLE.includes(code))).toEqual([]);

    expect(await ended(client, id)).toMatchObject({ state: 'completed', exitCode: 0 });
    expect((await client.jobs.output(id)).text).toBe(counted(12));
    expect(vm).toBeGreaterThan(1);
    const there = new Set((await client.jobs.list({ limit: 1_000 })).map((job) => job.id));
    expect(steady.accepted.filter((accepted) => !there.has(accepted))).toEqual([]);
    expect(grid.said).toMatch(/warning: nats-server \(pid \d+\) had died and was started again \(pid \d+\)/);
    await Promise.all(steady.accepted.map((accepted) => client.jobs.cancel(accepted)));

    // Not only listed: what was accepted is stored, and found by the next process.
    await grid.end('SIGKILL');
    await grid.up();
    const after = new Set((await client.jobs.list({ limit: 1_000 })).map((job) => job.id));
    expect(steady.accepted.filter((accepted) => !after.has(accepted))).toEqual([]);
  });

  test('libvirtd: it comes back, the VM runs on, the job completes and another can be started', async ({
    grid,
    client,
  }) => {
    const { id } = await client.jobs.submit(counting(10));
    await inState(client, id, 'running');
    const vm = await guestOf(grid.state, id);
    const pid = await libvirtdOf(grid.state);
    process.kill(pid ?? 0, 'SIGKILL');
    const again = await until(() => libvirtdOf(grid.state));
    expect(again).not.toBe(pid);
    expect(await guestOf(grid.state, id)).toBe(vm);
    expect(await ended(client, id)).toMatchObject({ state: 'completed', exitCode: 0 });
    expect((await client.jobs.output(id)).text).toBe(counted(10));
    await until(async () => (await guestOf(grid.state, id)) === undefined);
    expect(grid.said).toMatch(/warning: libvirtd \(pid \d+\) had died and was started again \(pid \d+\)/);
    const next = await client.jobs.submit(counting(1));
    expect(await ended(client, next.id)).toMatchObject({ state: 'completed' });
  });
});

/** What a client sees while there is no server; each says that trying again may help. */
const RETRYABLE = ['transport-suspended', 'no-responders', 'deadline-exceeded', 'store-unavailable'];

/** Submits a job every 20 ms that waits for `dependency`, whatever becomes of the server. */
function submitSteadily(servers: string, dependency: string, signal: AbortSignal) {
  const accepted: string[] = [];
  const refused: string[] = [];
  const over = (async () => {
    await using transport = await connectNats({ servers, name: 'steady' });
    const mux = createMux(transport);
    const jobs = new JobClient(mux);
    const request = { application: 'steady', user: 'nobody', command: 'true', dependencies: [dependency] };
    const underway: Promise<unknown>[] = [];
    while (!signal.aborted) {
      const answer = jobs.submit(request, { deadlineMs: 5_000 });
      underway.push(
        answer.then(
          ({ id }) => accepted.push(id),
          (error) => refused.push(error.code),
        ),
      );
      await new Promise((resolve) => systemClock.setTimeout(() => resolve(undefined), 20));
    }
    await Promise.all(underway);
    await mux.close();
  })();
  return { accepted, refused, over };
}
