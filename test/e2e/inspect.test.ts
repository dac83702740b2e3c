/** Looking at the actors of a running grid from the command line: list, one actor, its chart, a live trace, a message. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WatchRecord } from '../../runtime/mod.ts';
import { shadowgrid } from '../support/command.ts';
import { type GridClient, GridProcess } from '../support/grid-process.ts';
import { inState } from '../support/jobs.ts';
import { until } from '../support/until.ts';

describe('the actors of a simulated grid', () => {
  let grid: GridProcess;
  let client: GridClient;
  /** A job that runs until it is cancelled. */
  let id = '';

  beforeAll(async () => {
    grid = await GridProcess.start({ simulated: true });
    client = await grid.connect();
    id = (await client.jobs.submit({ application: 'long', user: 'ann', command: 'sleep 600' })).id;
    await inState(client, id, 'running');
  });

  afterAll(async () => {
    await client?.[Symbol.asyncDispose]();
    await grid?.stop();
  });

  const run = (command: string, ...args: string[]) =>
    shadowgrid([command, '--state', grid.state, ...args], { timeoutMs: 60_000 });
  const ok = async (command: string, ...args: string[]) => {
    const { status, stdout, stderr } = await run(command, ...args);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    return stdout;
  };
  const refused = async (command: string, ...args: string[]) => {
    const { status, stderr } = await run(command, ...args);
    expect(status).toBe(1);
    return stderr;
  };

  test('actors lists them, all or of a kind, page by page', async () => {
    const all = await ok('actors');
    expect(all).toMatch(new RegExp(`^job/${id} +live +running +0 +0$`, 'm'));
    expect(all).toMatch(/^router\/main +live +routing/m);
    const page = JSON.parse(await ok('actors', '--limit', '1', '--json'));
    expect(page.actors).toHaveLength(1);
    expect(page.next).toBe(page.actors[0].address);
    const jobs = JSON.parse(await ok('actors', 'job', '--json'));
    expect(jobs).toMatchObject({ actors: [{ address: `job/${id}`, standing: 'live', state: 'running' }] });
    expect(await refused('actors', 'jbo')).toMatch(/^error: .*jbo.*\n {2}field: kind/);
  });

  test('actor shows one: state, context, mailbox, failures, and where it is in its chart', async () => {
    const said = await ok('actor', `job/${id}`);
    expect(said).toMatch(/^ {2}state +running$/m);
    expect(said).toMatch(/^ {2}mailbox +0 of \d+ wait$/m);
    expect(said).toMatch(/^ {2}failures +0 in 60 s, at most 5$/m);
    expect(said).toContain('"command": "sleep 600"');
    expect(said).toMatch(/^ {2}\* running .*cancel -> cancelled/m);
    expect(said).toMatch(/^ {4}queued .*place -> placing/m);
    const { chart, state } = JSON.parse(await ok('actor', `job/${id}`, '--json'));
    expect(state).toBe('running');
    expect(chart.states.map(({ path }: { path: string }) => path)).toContain('completed');
    const diagram = await ok('actor', `job/${id}`, '--mermaid');
    expect(diagram).toMatch(/^stateDiagram-v2\n/);
    expect(diagram).toContain('class s_running current');
    expect(await refused('actor', 'job/none')).toContain('no actor job/none');
    expect(await refused('actor', 'none')).toMatch(/KIND.KEY\n {2}field: address/);
  });

  test("actor says what of a context it cannot show: the router's queue", async () => {
    const { context, cut } = JSON.parse(await ok('actor', 'router/main', '--json'));
    expect(context.queue).toEqual({ '(class)': 'JobQueue', size: 0 });
    expect(cut).toEqual([{ at: 'queue', why: 'opaque' }]);
  });

  test("send brings an actor's answer, or says what is wrong with the message", async () => {
    const answer = JSON.parse(await ok('send', `job/${id}`, '{"type":"describe"}'));
    expect(answer).toMatchObject({ id, state: 'running' });
    expect(await refused('send', `job/${id}`, '{"type":"nonsense"}')).toMatch(/field: type/);
    expect(await refused('send', `job/${id}`, '{type')).toMatch(/is not JSON.*\n {2}field: message/);
    expect(await refused('send', `job/${id}`, '{}')).toContain('field: message.type');
  });

  test('trace follows a job and its shadow live, one JSON object a line, until Ctrl-C', async () => {
    const main = fileURLToPath(new URL('../../deploy/cli/main.ts', import.meta.url));
    const tracing = spawn(process.execPath, [main, 'trace', '--state', grid.state, id, '--json']);
    let [stdout, stderr] = ['', ''];
    tracing.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    tracing.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const status = new Promise((resolve) => tracing.once('exit', resolve));
    try {
      await until(() => stderr !== '');
      await client.jobs.cancel(id);
      await until(() => /"shadow.*"stopped"/.test(stdout));
    } finally {
      tracing.kill('SIGINT');
    }
    expect(await status).toBe(0);
    expect(stderr).toBe(`watching job/${id} and shadow/${id}\n`);
    const records = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as WatchRecord);
    const told = records.filter((record) => record.kind !== 'dropped');
    expect(new Set(told.map(({ address }) => address))).toEqual(new Set([`job/${id}`, `shadow/${id}`]));
    const received = told.find(({ kind, type }) => kind === 'received' && type === 'cancel');
    const caused = told.filter(({ cause }) => cause === received?.cause);
    expect(caused).toContainEqual(
      expect.objectContaining({ address: `job/${id}`, kind: 'transition', from: 'running', to: 'cancelled' }),
    );
    expect(caused).toContainEqual(expect.objectContaining({ address: `shadow/${id}`, type: 'end' }));
    const finished = JSON.parse(await ok('actor', `shadow/${id}`, '--json'));
    expect(finished).toMatchObject({ standing: 'finished', state: 'ended' });
  });

  test('trace refuses what does not exist and what it does not know', async () => {
    expect(await refused('trace', 'j-00000000')).toContain('no actor job/j-00000000');
    expect(await refused('trace', 'jbo/*')).toContain('field: kind');
    expect(await refused('trace', id, '--only', 'nothing')).toContain('field: kinds.0');
  });
});
