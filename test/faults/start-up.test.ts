/** A grid that cannot start: one clear sentence and what to do, exit status 1, nothing half started. */
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { gridPaths } from '../../deploy/local/mod.ts';
import { findNatsServer } from '../../deploy/nats/mod.ts';
import { runCommand } from '../../deploy/setup/process/mod.ts';
import { shadowgrid } from '../support/command.ts';
import { GridProcess } from '../support/grid-process.ts';
import { describeWithGuests } from '../support/guests.ts';
import { processesOf, runFilesOf } from '../support/processes.ts';

let folder: string;
let state: string;
const mounted: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sg-'));
  state = join(folder, 'state');
});

afterEach(async () => {
  for (const path of mounted.splice(0)) await runCommand('umount', [path]);
  await rm(folder, { recursive: true, force: true });
});

/** Runs `shadowgrid up`, which must fail; returns what it says. */
async function failToStart(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  as: readonly string[] = [],
) {
  const { status, stderr } = await shadowgrid(['up', '--state', state, ...args], { env, as });
  expect(status, stderr).toBe(1);
  expect(stderr).toMatch(/^error: [^\n]+\n( {2}field: [^\n]+\n)?( {2}try: [^\n]+\n)?$/);
  expect(await processesOf(state)).toEqual([]);
  expect(await runFilesOf(state)).toEqual([]);
  await expect(readFile(gridPaths(state).record)).rejects.toMatchObject({
    code: expect.stringMatching(/^ENO/),
  });
  return stderr;
}

describe('a grid does not start, and says why', () => {
  test('when nats-server is not found', async () => {
    const said = await failToStart(['--simulated'], { SHADOWGRID_NATS_SERVER: '/nonexistent' });
    expect(said).toContain('SHADOWGRID_NATS_SERVER is /nonexistent, which does not run');
    expect(said).toContain('apt-get install nats-server');
  });

  test('when the port of NATS is taken', async () => {
    const port = await takePort();
    const said = await failToStart(['--simulated', '--nats-port', String(port)]);
    expect(said).toContain(`port ${port} on 127.0.0.1 is taken by another process`);
    expect(said).toContain('choose another port');
  });

  test('when the port of the admin API is taken', async () => {
    const port = await takePort();
    const said = await failToStart(['--simulated', '--admin-port', String(port)]);
    expect(said).toContain(`${port}`);
    expect(said).toContain('--admin-port');
  });

  test('when an option is not what it should be', async () => {
    expect(await failToStart(['--simulated', '--nats-port', '70000'])).toContain('0 to 65535');
    expect(await failToStart(['--simulated', '--silence', 'long'])).toContain(
      '--silence long is not a number',
    );
    expect(await failToStart(['--simulated', '--boot-deadline', '0'])).toContain('more than 0');
    expect(await failToStart(['--simulated', '--image', 'mine'])).toContain('NAME=KERNEL,INITRD');
    const missing = join(folder, 'none');
    expect(await failToStart(['--simulated', '--image', `mine=${missing},${missing}`])).toContain(
      `${missing} of image mine cannot be read`,
    );
  });

  test('when the state directory cannot be made', async () => {
    await writeFile(join(folder, 'file'), '');
    state = join(folder, 'file', 'state');
    expect(await failToStart(['--simulated'])).toContain(state);
  });

  test('when a grid runs in the state directory', async () => {
    const first = await GridProcess.start({ simulated: true });
    onTestFinished(() => first.stop());
    const second = await shadowgrid(['up', '--simulated', '--state', first.state]);
    expect(second.status).toBe(1);
    expect(second.stderr).toContain(`a grid runs here already (pid ${first.pid}`);
    await using client = await first.connect();
    expect(await client.jobs.list()).toEqual([]);
  });
});

describe.runIf(process.getuid?.() === 0)('with a file system of the test’s own', () => {
  test('a read-only state directory is refused', async () => {
    await mount('ro');
    expect(await failToStart(['--simulated'])).toContain(state);
  });

  test('a full disk is refused', async () => {
    await mount('size=64k');
    expect(await failToStart(['--simulated'])).toContain('free, which is too little');
  });

  async function mount(options: string): Promise<void> {
    await mkdir(state);
    await runCommand('mount', ['-t', 'tmpfs', '-o', options, 'none', state]);
    mounted.push(state);
  }
});

describeWithGuests('a grid with a real host does not start, and says why', () => {
  test('when libvirt is not reachable', async () => {
    const socket = join(folder, 'none');
    const env = { SHADOWGRID_LIBVIRT_URI: `qemu:///system?socket=${socket}` };
    const said = await failToStart([], env);
    expect(said).toMatch(/libvirt at \S+ cannot be reached/);
    expect(said).toContain('--simulated');
  });

  test('when the user may not start it', async () => {
    // Nobody's own copy: the cache is root's.
    const found = await findNatsServer();
    const binary = join(folder, 'nats-server');
    await copyFile(found?.path ?? '', binary);
    await chmod(binary, 0o755);
    await chmod(folder, 0o777);
    const nobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
    const said = await failToStart([], { SHADOWGRID_NATS_SERVER: binary, HOME: folder }, nobody);
    expect(said).toContain('needs root');
    expect(said).toContain('--simulated');
  });
});

async function takePort(): Promise<number> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
