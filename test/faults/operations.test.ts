/** Operations on VMs beside the death of what carries them out: nothing is lost, nothing runs twice, all is told. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Task } from '../../actors/host/mod.ts';
import { type GridClient, GridProcess } from '../support/grid-process.ts';
import { describeWithGuests } from '../support/guests.ts';
import { ended, inState } from '../support/jobs.ts';
import { guestsOf } from '../support/processes.ts';
import { until } from '../support/until.ts';

const COUNTED = 60;
const COUNT = `i=0; while [ $i -lt ${COUNTED} ]; do i=$((i+1)); echo $i; sleep 0.25; done`;
const ROW = Array.from({ length: COUNTED }, (_, i) => `${i + 1}\n`).join('');

describeWithGuests('a host agent that is killed', () => {
  let grid: GridProcess;
  let client: GridClient;
  let id: string;

  beforeEach(async () => {
    grid = await GridProcess.start({ args: ['--hosts', '2'] });
    client = await grid.connect();
    ({ id } = await client.jobs.submit({ application: 'faults', user: 'ada', command: COUNT }));
    await inState(client, id, 'running');
    await until(async () => (await said()) >= 3);
  });
  afterEach(async () => {
    await client?.[Symbol.asyncDispose]();
    await grid?.stop();
  });

  const said = async () => (await client.jobs.output(id)).text.trim().split('\n').length;
  /** Begins `task` and kills the grid as soon as one of `phases` is told. */
  const killedIn = async (task: Task, ...phases: readonly string[]) => {
    const heard = (async () => {
      for await (const event of client.vms.operate(id, task))
        if (event.type === 'progress' && phases.includes(event.progress.phase)) return event.progress.phase;
      return undefined;
    })();
    const phase = await heard;
    await grid.end('SIGKILL');
    await client[Symbol.asyncDispose]();
    return phase;
  };
  const again = async () => {
    await grid.up();
    client = await grid.connect();
  };

  test('in mid-migration: one VM is left, on the host that its job says, and the job goes on', async () => {
    const { host } = await client.jobs.status(id);
    const hosts = await hostNames(client);
    const to = hosts.find((name) => name !== host) ?? '';
    expect(await killedIn({ kind: 'migrate', to }, 'preparing', 'copying')).toBeDefined();
    await again();
    const job = await ended(client, id);
    expect(job).toMatchObject({ state: 'completed' });
    expect(hosts).toContain(job.host);
    expect((await client.jobs.output(id)).text).toBe(ROW);
    await until(async () => (await guestsOf(grid.state)).length === 0);
  });

  test('in mid-checkpoint: nothing of it is left, the job goes on, and the next one works', async () => {
    expect(await killedIn({ kind: 'checkpoint', checkpoint: 'cut' }, 'saving')).toBe('saving');
    await again();
    await inState(client, id, 'running');
    expect(await client.vms.checkpoints(id)).toEqual([]);
    const { reports } = await client.vms.list(id);
    expect(reports).toMatchObject([{ outcome: 'interrupted', operation: { task: { kind: 'checkpoint' } } }]);
    for await (const event of client.vms.operate(id, { kind: 'checkpoint', checkpoint: 'whole' })) {
      if (event.type === 'report') expect(event.report).toMatchObject({ outcome: 'done' });
    }
    expect(await client.vms.checkpoints(id)).toMatchObject([{ id: 'whole' }]);
    expect(await ended(client, id)).toMatchObject({ state: 'completed' });
    expect((await client.jobs.output(id)).text).toBe(ROW);
  });

  async function hostNames({ adminUrl }: GridClient): Promise<string[]> {
    const { hosts } = (await (await fetch(`${adminUrl}/api/hosts`)).json()) as { hosts: { name: string }[] };
    return hosts.map(({ name }) => name);
  }
});
