/** Operations on the VMs of jobs, as an operator asks for them, on a grid of two real hosts. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Task } from '../../actors/host/mod.ts';
import { shadowgrid } from '../support/command.ts';
import { type GridClient, GridProcess } from '../support/grid-process.ts';
import { describeWithGuests } from '../support/guests.ts';
import { ended, inState } from '../support/jobs.ts';
import { until } from '../support/until.ts';

const COUNTED = 60;
/** Counts aloud: what it says is one gapless row only if nothing of its memory was lost on the way. */
const count = (to: number) => `i=0; while [ $i -lt ${to} ]; do i=$((i+1)); echo $i; sleep 0.25; done`;
const row = (to: number) => Array.from({ length: to }, (_, i) => `${i + 1}\n`).join('');

describeWithGuests("operations on a job's VM", () => {
  let grid: GridProcess;
  let client: GridClient;
  beforeAll(async () => {
    grid = await GridProcess.start({ args: ['--hosts', '2'] });
    client = await grid.connect();
  });
  afterAll(async () => {
    await client?.[Symbol.asyncDispose]();
    await grid?.stop();
  });

  const vm = async (...args: readonly string[]) => {
    const { status, stdout, stderr } = await shadowgrid(['vm', ...args, '--json', '--state', grid.state]);
    const lines = stdout.split('\n').filter((line) => line !== '');
    return { status, stderr, events: lines.map((line) => JSON.parse(line)) };
  };
  /** Without the second that a command takes to start. */
  const operate = async (id: string, task: Task) => {
    for await (const event of client.vms.operate(id, task, { why: 'a test' }))
      if (event.type === 'report') return event.report;
    throw new Error('there was no report');
  };
  const started = async (command: string) => {
    const { id } = await client.jobs.submit({ application: 'vms', user: 'ada', command });
    await inState(client, id, 'running');
    return id;
  };
  const said = async (id: string) => (await client.jobs.output(id)).text.trim().split('\n').length;

  test('a checkpoint is taken, listed and returned to; the job goes on from there', async () => {
    const id = await started(count(COUNTED));
    await until(async () => (await said(id)) >= 5);
    expect(await operate(id, { kind: 'checkpoint', checkpoint: 'early' })).toMatchObject({
      outcome: 'done',
      operation: { why: 'a test' },
      result: { checkpoint: { id: 'early' } },
    });
    expect(await client.vms.checkpoints(id)).toMatchObject([{ id: 'early', jobId: id }]);
    const before = await said(id);
    await until(async () => (await said(id)) >= before + 8);
    expect(await operate(id, { kind: 'roll-back', checkpoint: 'early' })).toMatchObject({ outcome: 'done' });
    expect(await said(id)).toBeLessThan(before + 8);
    expect(await ended(client, id)).toMatchObject({ state: 'completed' });
    expect((await client.jobs.output(id)).text).toBe(row(COUNTED));
  });

  test('what cannot be done is refused, or reported, with the reason; the job goes on', async () => {
    const id = await started('sleep 20; echo done');
    expect(await vm(id, 'rollback', 'never-taken')).toMatchObject({
      status: 1,
      events: [{ type: 'begun' }, { report: { outcome: 'failed', error: { code: 'checkpoint-not-found' } } }],
    });
    expect(await operate(id, { kind: 'migrate', to: 'nowhere' })).toMatchObject({ outcome: 'failed' });
    expect((await vm('j-00000000', 'activate')).stderr).toContain('there is no job j-00000000');
    expect(await vm(id, 'checkpoint', '--dry-run')).toMatchObject({
      status: 0,
      events: [{ type: 'would-begin' }],
    });
    const overHttp = await fetch(`${client.adminUrl}/api/jobs/${id}/operations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ task: { kind: 'warm', vcpus: 'many', memoryMiB: 64 } }),
    });
    expect(overHttp.status).toBe(400);
    expect(await overHttp.json()).toMatchObject({ field: 'task.vcpus' });
    expect(
      (await vm(id, 'operations')).events[0].reports.map((report: { outcome: string }) => report.outcome),
    ).toEqual(['failed', 'failed']);
    expect(await client.jobs.cancel(id)).toMatchObject({ state: 'cancelled' });
  });

  test('a VM is moved to the other host and back while its job runs', async () => {
    const id = await started(count(COUNTED));
    const [from, to] = await hostsOf(id);
    await until(async () => (await said(id)) >= 3);
    for (const [here, there] of [
      [from, to],
      [to, from],
    ] as const) {
      expect(await operate(id, { kind: 'migrate', to: there })).toMatchObject({
        outcome: 'done',
        result: { migration: { outcome: 'moved' } },
      });
      await until(async () => (await client.jobs.status(id)).host === there);
      expect(await hostsOf(id)).toEqual([there, here]);
    }
    expect(await ended(client, id)).toMatchObject({ state: 'completed', host: from });
    expect((await client.jobs.output(id)).text).toBe(row(COUNTED));
  });

  /** The job's host, and the other. */
  async function hostsOf(id: string): Promise<[string, string]> {
    const { host = '' } = await client.jobs.status(id);
    const response = await fetch(`${client.adminUrl}/api/hosts`);
    const { hosts } = (await response.json()) as { hosts: { name: string }[] };
    const other = hosts.find(({ name }) => name !== host)?.name ?? '';
    return [host, other];
  }
});
