/** The shadowgrid process dies or is told to stop while a job runs in a real VM. */
import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Progress } from '../../actors/gateway/mod.ts';
import type { JobView } from '../../actors/job/mod.ts';
import { gridPaths } from '../../deploy/local/mod.ts';
import { decode } from '../../runtime/mod.ts';
import { GridProcess } from '../support/grid-process.ts';
import { describeWithGuests } from '../support/guests.ts';
import { ended, inState } from '../support/jobs.ts';
import {
  guestOf,
  guestsOf,
  libvirtdOf,
  natsServerOf,
  processesOf,
  runFilesOf,
} from '../support/processes.ts';
import { until } from '../support/until.ts';

/** Counts, at rest up to five and at work from then on: demand that rises after the grid has come back. */
const counting = (seconds: number) => ({
  application: 'counting',
  user: 'nobody',
  command: `i=0; while [ $i -lt ${seconds} ]; do i=$((i+1)); echo $i; n=0; w=0; [ $i -gt 5 ] && w=40000; while [ $n -lt $w ]; do n=$((n+1)); done; sleep 0.5; done`,
  resources: { cores: 0.5, maxCores: 1 },
});
const counted = (seconds: number) => Array.from({ length: seconds }, (_, i) => `${i + 1}\n`).join('');

describeWithGuests('SIGKILL of the grid', () => {
  let grid: GridProcess;

  beforeEach(async () => {
    grid = await GridProcess.start();
  });

  afterEach(async () => {
    await grid.stop();
  });

  test('while a job runs: its VM runs on, is adopted, has its shadow again, and completes once', async () => {
    const seconds = 12;
    const { id } = await submitted(grid, counting(seconds));
    const pid = await until(async () => {
      await using client = await grid.connect();
      return (await client.jobs.output(id)).text.length > 3 && (await guestOf(grid.state, id));
    });
    await grid.end('SIGKILL');
    expect(await guestOf(grid.state, id)).toBe(pid);

    await grid.up();
    await using client = await grid.connect();
    const states: JobView['state'][] = [];
    const seen = { forecasts: 0, directives: 0 };
    client.transport.subscribe('shadowgrid.directive.*', ({ data }) => {
      const { directive } = decode(data) as { directive: { jobId: string } };
      if (directive.jobId === id) seen.directives += 1;
    });
    for await (const progress of client.jobs.watch(id)) note(progress, states, seen);
    expect(await guestsOf(grid.state).then((guests) => guests.filter((guest) => guest.pid !== pid))).toEqual(
      [],
    );
    expect(states.filter((state) => state === 'completed')).toHaveLength(1);
    expect(states.at(-1)).toBe('completed');
    expect(seen.forecasts).toBeGreaterThan(3);
    expect(seen.directives).toBeGreaterThan(0);
    expect(await client.jobs.output(id)).toMatchObject({ text: counted(seconds), complete: true });
    expect(await client.jobs.list()).toHaveLength(1);
    await until(async () => (await guestOf(grid.state, id)) === undefined);
  });

  test('while a guest boots: it is not started twice, and the job completes', async () => {
    const { id } = await submitted(grid, counting(2));
    const pid = await until(() => guestOf(grid.state, id));
    await grid.end('SIGKILL');
    await grid.up();
    expect((await guestsOf(grid.state)).map((guest) => guest.pid)).toEqual([pid]);
    await using client = await grid.connect();
    expect(await ended(client, id)).toMatchObject({ state: 'completed', exitCode: 0 });
    expect((await client.jobs.output(id)).text).toBe(counted(2));
  });

  test('right after a submit was acknowledged: the job is there and completes', async () => {
    const { id } = await submitted(grid, counting(1));
    await grid.end('SIGKILL');
    await grid.up();
    await using client = await grid.connect();
    expect(await ended(client, id)).toMatchObject({ state: 'completed' });
    expect((await client.jobs.output(id)).text).toBe(counted(1));
  });
});

describeWithGuests('an orderly stop while a job runs', () => {
  test('by Ctrl-C leaves nothing behind, and the job says why it failed', async () => {
    const grid = await GridProcess.start();
    try {
      const { id } = await running(grid, counting(600));
      expect(await grid.end('SIGINT')).toBe(0);
      expect(await processesOf(grid.state)).toEqual([]);
      expect(await runFilesOf(grid.state)).toEqual([]);
      await expect(rm(gridPaths(grid.state).record)).rejects.toMatchObject({ code: 'ENOENT' });

      await grid.up();
      await using client = await grid.connect();
      const job = await client.jobs.status(id);
      expect(job).toMatchObject({ state: 'failed', error: { code: 'grid-stopped' } });
      const { text } = await client.jobs.output(id);
      expect(counted(600).startsWith(text)).toBe(true);
    } finally {
      await grid.stop();
    }
  });

  test('with --keep lists what it leaves, and the next start takes it over', async () => {
    const grid = await GridProcess.start({ args: ['--keep'] });
    try {
      const { id, pid } = await running(grid, counting(8));
      const daemons = { nats: await natsServerOf(grid.state), libvirtd: await libvirtdOf(grid.state) };
      expect(await grid.end('SIGINT')).toBe(0);
      expect(grid.said).toContain(`left running: sg-${id}`);
      expect(grid.said).toContain(`left running: nats-server (pid ${daemons.nats})`);
      expect(grid.said).toContain(`left running: libvirtd (pid ${daemons.libvirtd})`);
      expect(await guestOf(grid.state, id)).toBe(pid);

      await grid.up();
      expect(await natsServerOf(grid.state)).toBe(daemons.nats);
      expect(await libvirtdOf(grid.state)).toBe(daemons.libvirtd);
      await using client = await grid.connect();
      expect((await guestsOf(grid.state)).map((guest) => guest.pid)).toEqual([pid]);
      expect(await ended(client, id)).toMatchObject({ state: 'completed' });
      expect((await client.jobs.output(id)).text).toBe(counted(8));
    } finally {
      await grid.stop();
    }
  });
});

async function submitted(grid: GridProcess, request: ReturnType<typeof counting>) {
  await using client = await grid.connect();
  return await client.jobs.submit(request);
}

async function running(grid: GridProcess, request: ReturnType<typeof counting>) {
  await using client = await grid.connect();
  const { id } = await client.jobs.submit(request);
  await inState(client, id, 'running');
  const pid = await until(() => guestOf(grid.state, id));
  return { id, pid };
}

function note(progress: Progress, states: JobView['state'][], seen: { forecasts: number }): void {
  if (progress.type === 'state') states.push(progress.job.state);
  if (progress.type === 'demand' && !Number.isNaN(progress.upperCores)) seen.forecasts += 1;
}
