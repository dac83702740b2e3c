/** Jobs on a real host: submitted through NATS, run in real guests, ended as they should. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { JobRequestInput } from '../../actors/job/mod.ts';
import { gridPaths } from '../../deploy/local/mod.ts';
import { test } from '../support/grid-test.ts';
import { describeWithGuests } from '../support/guests.ts';
import { ended, inState } from '../support/jobs.ts';
import { guestOf } from '../support/processes.ts';
import { until } from '../support/until.ts';

describeWithGuests('jobs in real guests', () => {
  test('a script of many lines completes with all it wrote', async ({ grid, client }) => {
    const { id, state } = await client.jobs.submit({
      ...NOBODY,
      script: 'for n in 1 2 3; do\n  echo "line $n"\ndone\nuname -s\necho to stderr >&2\n',
    });
    expect(state).toBe('accepted');
    const job = await ended(client, id);
    expect(job).toMatchObject({ state: 'completed', exitCode: 0, outputBytes: 37 });
    expect(job.error).toBeUndefined();
    expect(await client.jobs.output(id)).toMatchObject({
      text: 'line 1\nline 2\nline 3\nLinux\nto stderr\n',
      complete: true,
    });
    await until(async () => (await guestOf(grid.state, id)) === undefined);
  });

  test('a batch runs in the order of its dependencies, and what depends on a failure never runs', async ({
    client,
  }) => {
    const { jobs } = await client.jobs.submitBatch([
      { ...NOBODY, name: 'never', command: 'echo never', dependencies: ['fails'] },
      { ...NOBODY, name: 'second', command: 'echo second', dependencies: ['first'] },
      { ...NOBODY, name: 'first', command: 'echo first' },
      { ...NOBODY, name: 'fails', command: 'echo before the end; exit 3' },
    ]);
    const [never, second, first, fails] = await Promise.all(jobs.map(({ id }) => ended(client, id)));
    expect(first).toMatchObject({ state: 'completed' });
    expect(second).toMatchObject({ state: 'completed' });
    expect(second?.placedAt).toBeGreaterThanOrEqual(first?.endedAt ?? Number.NaN);
    expect(fails).toMatchObject({
      state: 'failed',
      exitCode: 3,
      error: { code: 'command-failed', message: 'the command exited with status 3' },
    });
    expect((await client.jobs.output(fails?.id ?? '')).text).toBe('before the end\n');
    expect(never).toMatchObject({ state: 'failed', error: { code: 'dependency-failed' } });
    expect(never?.startedAt).toBeUndefined();
  });

  test('one that is cancelled while it runs keeps its output and loses its VM', async ({ grid, client }) => {
    const { id } = await client.jobs.submit({ ...NOBODY, command: 'echo begun; sleep 600' });
    await inState(client, id, 'running');
    expect(await guestOf(grid.state, id)).toBeGreaterThan(1);
    await until(async () => (await client.jobs.output(id)).text === 'begun\n');
    expect(await client.jobs.cancel(id)).toMatchObject({ state: 'cancelled' });
    await until(async () => (await guestOf(grid.state, id)) === undefined);
    const socket = join(gridPaths(grid.state).run, 'agent', `sg-${id}.sock`);
    await until(() =>
      access(socket).then(
        () => false,
        () => true,
      ),
    );
  });
});

const NOBODY = { application: 'test', user: 'nobody' } satisfies Partial<JobRequestInput>;
