/** The faces of a running grid: the command line as child processes, and the admin API over HTTP. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shadowgrid } from '../support/command.ts';
import { type GridClient, GridProcess } from '../support/grid-process.ts';
import { describeWithGuests } from '../support/guests.ts';
import { until } from '../support/until.ts';

describeWithGuests('a grid with real guests', () => {
  let grid: GridProcess;
  let client: GridClient;
  /** A job that has completed. */
  let id = '';

  beforeAll(async () => {
    grid = await GridProcess.start();
    client = await grid.connect();
  });

  afterAll(async () => {
    await client?.[Symbol.asyncDispose]();
    await grid?.stop();
  });

  const run = (command: string, ...args: string[]) =>
    shadowgrid([command, '--state', grid.state, ...args], { timeoutMs: 110_000 });
  const ok = async (command: string, ...args: string[]) => {
    const { status, stdout, stderr } = await run(command, ...args);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    return stdout;
  };

  test('submit --watch shows a job until it has completed, job --output what it wrote', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sg-'));
    const file = join(folder, 'job.json');
    await writeFile(file, JSON.stringify({ application: 'hello', user: 'ann', command: 'echo hello' }));
    const said = await ok('submit', '--file', file, '--watch');
    await rm(folder, { recursive: true });
    id = /^(j-\w+)/.exec(said)?.[1] ?? '';
    expect(said).toContain('running');
    expect(said.trim()).toMatch(/completed {2}on \S+$/);
    expect(await ok('job', id, '--output')).toBe('hello\n');
    expect(JSON.parse(await ok('job', id, '--json'))).toMatchObject({ id, state: 'completed', exitCode: 0 });
  });

  test('jobs and hosts list what there is', async () => {
    expect(await ok('jobs')).toMatch(new RegExp(`^${id} +completed +ann +hello`, 'm'));
    expect(JSON.parse(await ok('jobs', '--user', 'ben', '--json'))).toEqual({ jobs: [] });
    expect(await ok('hosts')).toMatch(/libvirt +general-purpose +yes/);
    expect(JSON.parse(await ok('hosts', '--json'))).toMatchObject({
      hosts: [{ kind: 'libvirt', accepting: true, domains: 0 }],
    });
  });

  test('watch follows a job to its end, cancel ends it', async () => {
    const long = JSON.parse(await ok('submit', '--json', '--', 'echo begun; sleep 600')).id as string;
    const watching = run('watch', long, '--json');
    await until(async () => (await client.jobs.status(long)).state === 'running');
    expect(await ok('cancel', long)).toBe(`${long} cancelled\n`);
    const { status, stdout } = await watching;
    expect(status).toBe(1);
    const last = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
    expect(last).toMatchObject({ type: 'state', job: { id: long, state: 'cancelled' } });
  });

  test('what is wrong is one sentence, the field and what would be right, and exit status 1', async () => {
    const unknown = await run('submit', '--image', 'none', '--', 'true');
    expect(unknown.status).toBe(1);
    expect(unknown.stderr).toMatch(/^error: .*none.*\n {2}field: image\n {2}try: .*tiny/);
    const missing = await run('job', 'j-00000000');
    expect(missing.status).toBe(1);
    expect(missing.stderr).toContain('j-00000000');
  });

  test('the admin API answers', async () => {
    const get = (path: string) => fetch(`${client.adminUrl}${path}`);
    const json = async (path: string) => (await get(path)).json();
    const health = await get('/healthz');
    expect(health.status).toBe(200);
    expect(await health.json()).toMatchObject({ ok: true, nats: 'connected', hostsReady: 1 });
    expect(await json(`/api/jobs/${id}`)).toMatchObject({ id, state: 'completed' });
    expect(await json('/api/jobs?user=ann')).toMatchObject({ jobs: [{ id }] });
    expect(await json(`/api/jobs/${id}/output`)).toMatchObject({ text: 'hello\n', complete: true });
    expect(await json('/api/hosts')).toMatchObject({ hosts: [{ kind: 'libvirt' }] });
    expect(await (await get('/metrics')).text()).toMatch(/^shadowgrid_\w+/m);
    const { openapi, paths } = (await json('/openapi.json')) as { openapi: string; paths: object };
    expect(openapi).toMatch(/^3\.1/);
    expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/healthz', '/api/jobs', '/api/hosts']));
    const none = await get('/api/jobs/j-00000000');
    expect(none.status).toBe(404);
    expect(await none.json()).toMatchObject({ code: 'no-such-job' });
  });
});

describe('without a grid', () => {
  test('doctor --json says what the machine can do', async () => {
    const { status, stdout } = await shadowgrid(['doctor', '--json'], { timeoutMs: 110_000 });
    const { findings } = JSON.parse(stdout) as { findings: { name: string; status: string }[] };
    expect(findings.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['kvm', 'cgroup', 'nats-server', 'libvirt']),
    );
    expect(status).toBe(findings.some((finding) => finding.status === 'missing') ? 1 : 0);
  });

  test('commands about one say that none runs', async () => {
    const { status, stderr } = await shadowgrid(['jobs', '--state', join(tmpdir(), 'sg-none')]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: no grid runs here .*\n {2}try: start one with `shadowgrid up`/);
  });
});
