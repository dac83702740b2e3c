/** A job's way through the grid as its user meets it: run, cancelled, waiting for others, found again after a restart. */
import { describe, expect } from 'vitest';
import { until } from '../support/until.ts';
import { JOB_API, job, test } from './memory-grid.ts';

describe('a job', () => {
  test('runs from submission to its end', async ({ given: { client, machine, reach } }) => {
    const accepted = await client.submit(job('echo hello'));
    expect(accepted).toEqual({ id: expect.stringMatching(/^j-/), state: 'accepted', existing: false });
    const done = await reach(accepted.id, 'completed');
    expect(done).toMatchObject({ host: 'sim', exitCode: 0, signal: 0, request: { application: 'suite' } });
    expect(done.submittedAt).toBeLessThanOrEqual(done.startedAt!);
    expect(done.startedAt!).toBeLessThanOrEqual(done.endedAt!);
    expect((await client.output(accepted.id)).text).toContain('hello\n');
    await until(async () => (await machine.list()).length === 0);
  });

  test('is submitted, asked for and cancelled in JSON, and answered in JSON', async ({
    given: { askJson },
  }) => {
    const answer = await askJson(JOB_API.submit, JSON.stringify(job('sleep 60')));
    expect(answer).toMatchObject({ ok: true, body: { state: 'accepted' } });
    const { id } = answer.body as unknown as { id: string };
    expect(await askJson(JOB_API.status, JSON.stringify({ id }))).toMatchObject({ ok: true, body: { id } });
    const cancelled = await askJson(JOB_API.cancel, JSON.stringify({ id }));
    expect(cancelled).toMatchObject({ ok: true, body: { id, state: 'cancelled' } });
    expect(await askJson(JOB_API.list, '{}')).toMatchObject({ ok: true, body: { jobs: [{ id }] } });
  });

  test('whose command exits with 3 fails, with the reason and its output', async ({
    given: { client, submitted, reach },
  }) => {
    const id = await submitted(job('echo so far so good; exit 3'));
    const failed = await reach(id, 'failed');
    expect(failed).toMatchObject({ exitCode: 3, error: { code: 'command-failed' } });
    expect(failed.error?.message).toContain('status 3');
    const output = await client.output(id);
    expect(output.text).toContain('so far so good');
    expect(output.complete).toBe(true);
  });

  test('that runs longer than its deadline fails, and its output is kept', async ({
    given: { client, machine, submitted, reach },
  }) => {
    const id = await submitted(job('echo begun; sleep 600', { deadlineSeconds: 0.1 }));
    const failed = await reach(id, 'failed');
    expect(failed.error).toMatchObject({ code: 'deadline-exceeded', field: 'deadlineSeconds' });
    expect((await client.output(id)).text).toContain('begun');
    await until(async () => (await machine.list()).length === 0);
  });

  test('whose VM is stopped under it fails', async ({ given: { machine, submitted, reach } }) => {
    const id = await submitted(job('sleep 600'));
    await reach(id, 'running');
    await machine.destroy(`sg-${id}`);
    expect((await reach(id, 'failed')).error?.code).toBe('domain-stopped');
  });
});

describe('cancel', () => {
  test('while it waits for another job', async ({ given: { client, reach } }) => {
    const { jobs } = await client.submitBatch([
      job('sleep 600', { name: 'first' }),
      job('true', { name: 'second', dependencies: ['first'] }),
    ]);
    await reach(jobs[1]!.id, 'accepted');
    expect(await client.cancel(jobs[1]!.id)).toMatchObject({
      state: 'cancelled',
      error: { code: 'cancelled' },
    });
  });

  test('while it is queued: those behind it move up', async ({ given: { client, submitted, reach } }) => {
    const running = await submitted(job('sleep 600', { resources: { cores: 1.5 } }));
    await reach(running, 'running');
    const large = await submitted(job('true', { resources: { cores: 1 }, priority: 90 }));
    const small = await submitted(job('true', { resources: { cores: 0.5 } }));
    await reach(large, 'queued');
    await reach(small, 'queued');
    expect(await client.cancel(large)).toMatchObject({ state: 'cancelled' });
    await reach(small, 'completed');
  });

  test('at once after submission, again and again, leaves neither a VM nor booked room behind', async ({
    given: { client, machine, submitted, reach },
  }) => {
    for (let i = 0; i < 10; i++) {
      const id = await submitted(job('sleep 600', { resources: { cores: 2 } }));
      for (let turn = 0; turn < i; turn++) await Promise.resolve();
      expect(await client.cancel(id)).toMatchObject({ state: 'cancelled' });
    }
    await reach(await submitted(job('true', { resources: { cores: 2 } })), 'completed');
    await until(async () => (await machine.list()).length === 0);
  });

  test('while it runs: its VM ends', async ({ given: { client, machine, submitted, reach } }) => {
    const id = await submitted(job('sleep 600'));
    await reach(id, 'running');
    expect(await client.cancel(id)).toMatchObject({ state: 'cancelled' });
    await until(async () => (await machine.list()).length === 0);
  });

  test('after its end changes nothing', async ({ given: { client, submitted, reach } }) => {
    const id = await submitted(job('true'));
    const done = await reach(id, 'completed');
    expect(await client.cancel(id)).toEqual(done);
  });
});

describe('dependencies', () => {
  test('run in order; answers come in the order of the request', async ({ given: { client, reach } }) => {
    const { jobs } = await client.submitBatch([
      job('echo second', { name: 'second', dependencies: ['first'] }),
      job('echo first', { name: 'first' }),
    ]);
    const views = await Promise.all(jobs.map(({ id }) => reach(id, 'completed')));
    expect(views.map((view) => view.request.name)).toEqual(['second', 'first']);
    expect(views[0]!.startedAt!).toBeGreaterThanOrEqual(views[1]!.endedAt!);
  });

  test('on a job that ended before', async ({ given: { submitted, reach } }) => {
    const first = await submitted(job('true'));
    await reach(first, 'completed');
    await reach(await submitted(job('true', { dependencies: [first] })), 'completed');
  });

  test('on a job that fails: it and all behind it fail', async ({
    given: { client, created, submitted, reach },
  }) => {
    const { jobs } = await client.submitBatch([
      job('false', { name: 'a' }),
      job('true', { name: 'b', dependencies: ['a'] }),
      job('true', { name: 'c', dependencies: ['b'] }),
    ]);
    const [, b, c] = await Promise.all(jobs.map(({ id }) => reach(id, 'failed')));
    expect(b?.error).toMatchObject({ code: 'dependency-failed', field: 'dependencies' });
    expect(c?.error?.message).toContain(b!.id);
    expect(created).toEqual([jobs[0]!.id]);
    expect((await reach(await submitted(job('true', { dependencies: [c!.id] })), 'failed')).error?.code).toBe(
      'dependency-failed',
    );
  });
});

describe('a restart', () => {
  test('finds jobs again, adopts their VMs and starts none twice', async ({ given }) => {
    const { client, created, submitted, reach } = given;
    const finished = await submitted(job('echo kept'));
    await reach(finished, 'completed');
    const running = await submitted(job('echo before; sleep 0.5', { idempotencyKey: 'once' }));
    await reach(running, 'running');
    const { jobs } = await client.submitBatch([job('true', { dependencies: [running] })]);
    const waiting = jobs[0]!.id;

    expect(await given.stop({ keep: true })).toEqual([`sg-${running}`]);
    await given.start();

    expect(await client.status(finished)).toMatchObject({ state: 'completed' });
    expect((await client.output(finished)).text).toContain('kept');
    expect((await client.list()).map((view) => view.id).sort()).toEqual([finished, running, waiting].sort());
    await reach(running, 'completed');
    await reach(waiting, 'completed');
    expect((await client.output(running)).text).toContain('before');
    expect(created.filter((id) => id === running)).toEqual([running]);
    expect(await client.submit(job('echo before; sleep 0.5', { idempotencyKey: 'once' }))).toMatchObject({
      id: running,
      existing: true,
    });
  });

  test('fails a job whose VM is gone, and removes a VM whose job has ended', async ({ given }) => {
    const { client, machine, created, submitted, reach } = given;
    const [gone, orphan] = [await submitted(job('sleep 600')), await submitted(job('sleep 600'))];
    await reach(gone, 'running');
    await reach(orphan, 'running');
    await given.stop({ keep: true });
    await machine.destroy(`sg-${gone}`);
    await given.start();
    expect((await reach(gone, 'failed')).error?.code).toBe('domain-vanished');
    expect(created.filter((id) => id === gone)).toEqual([gone]);
    await client.cancel(orphan);
    await until(async () => (await machine.list()).length === 0);
  });

  test('a stop starts nobody from the queue; the next start does', async ({ given }) => {
    const { machine, submitted, reach } = given;
    const first = await submitted(job('sleep 600', { resources: { cores: 2 } }));
    await reach(first, 'running');
    const next = await submitted(job('true', { resources: { cores: 2 } }));
    await reach(next, 'queued');
    expect(await given.stop({ keep: false })).toEqual([]);
    expect(await machine.list()).toEqual([]);
    await given.start();
    await reach(next, 'completed');
  });

  test('an orderly stop ends VMs and says why their jobs failed', async ({ given }) => {
    const { client, machine, submitted, reach } = given;
    const id = await submitted(job('sleep 600'));
    await reach(id, 'running');
    expect(await given.stop({ keep: false })).toEqual([]);
    expect(await machine.list()).toEqual([]);
    await given.start();
    expect(await client.status(id)).toMatchObject({ state: 'failed', error: { code: 'grid-stopped' } });
  });
});
