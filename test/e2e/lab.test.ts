/** `shadowgrid lab` as users run it: until Ctrl-C, from up until down, and after it was killed; as root and as a user. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureGuestImage } from '../../deploy/guest/mod.ts';
import { type LabHostStatus, labFolders } from '../../deploy/lab/mod.ts';
import { runCommand } from '../../deploy/setup/process/mod.ts';
import { LabGuest } from '../conformance/lab-guest.ts';
import { tracesOf } from '../conformance/lab-traces.ts';
import { shadowgrid } from '../support/command.ts';

const MAIN = fileURLToPath(new URL('../../deploy/cli/main.ts', import.meta.url));
const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;
const folder = await mkdtemp(join(tmpdir(), 'sg-lab-'));
const state = join(folder, 'lab');

describe.skipIf(!isRoot)('the lab command as root', () => {
  const folders = labFolders(state);
  test('runs until Ctrl-C; what SIGKILL leaves is found and removed by the next', async () => {
    await using killed = foreground('lab', '--state', state, '--hosts', '1');
    await killed.says('runs until Ctrl-C');
    await killed.end('SIGKILL');
    expect(await tracesOf(folders)).not.toEqual([]);
    expect((await lab('status')).stdout).toContain('left behind');

    await using next = foreground('lab', '--state', state, '--hosts', '1');
    await next.says('removed what an earlier lab had left');
    await next.says('runs until Ctrl-C');
    expect(await lab('up')).toMatchObject({ status: 1, stderr: expect.stringContaining('runs already') });
    expect(await next.end('SIGINT')).toBe(0);
    expect(await tracesOf(folders)).toEqual([]);
  });

  const lab = (...args: string[]) => shadowgrid(['lab', ...args, '--state', state]);
});

const as = isRoot ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];
const unable = await findObstacle();

describe.skipIf(unable !== undefined)(`the lab command as a user (${unable ?? 'no root'})`, () => {
  const own = join(folder, 'user');
  const lab = (...args: string[]) => shadowgrid(['lab', ...args, '--state', own], { as });
  let image: { kernel: string; initrd: string };

  beforeAll(async () => {
    const built = await ensureGuestImage();
    // The cache belongs to whoever runs the tests.
    image = { kernel: join(folder, 'vmlinuz'), initrd: join(folder, 'initrd') };
    await copyFile(built.kernel, image.kernel);
    await copyFile(built.initrd, image.initrd);
    if (isRoot) for (const path of [folder, ...Object.values(image)]) await chown(path, NOBODY, NOBODY);
  });

  test('has two daemons that migrate guests by unix sockets; down takes daemons and guests', async () => {
    const up = await lab('up', '--json');
    expect(up).toMatchObject({ status: 0 });
    const { hosts } = JSON.parse(up.stdout) as { hosts: LabHostStatus[] };
    const [a, b] = hosts as [LabHostStatus, LabHostStatus];
    const folders = { runDir: dirname(dirname(a.runDir)), stateDir: own };
    const guest = new LabGuest('lab-user', image, folder, as);
    await guest.start(a);
    expect(await guest.answers(a)).toBe(true);
    await guest.migrate(a, b, `unix://${join(folder, 'there')}`);
    await guest.migrate(b, a, `unix://${join(folder, 'back')}`);
    expect(await guest.answers(a)).toBe(true);
    expect((await lab('status')).stdout).toContain(guest.name);

    expect((await lab('down')).stdout).toBe('the lab is gone\n');
    expect(await tracesOf(folders)).toEqual([]);
    expect((await lab('down')).stdout).toBe('there was no lab\n');
    expect(await lab('status')).toMatchObject({ status: 1, stdout: 'there is no lab\n' });
  });

  afterAll(() => lab('down'));
});

afterAll(async () => {
  if (isRoot) await shadowgrid(['lab', 'down', '--state', state]);
  await rm(folder, { recursive: true, force: true });
});

/** Why no user can run it here. */
async function findObstacle(): Promise<string | undefined> {
  const [command = '', ...rest] = [...as, process.execPath, MAIN, 'lab', '--help'];
  const { status, stderr } = await runCommand(command, rest, { check: false, timeoutMs: 30_000 });
  if (status !== 0) return `skipped, a user cannot run it: ${stderr.trim().split('\n').at(-1)}`;
  const { stdout } = await runCommand('sh', ['-c', 'command -v libvirtd || true']);
  return stdout === '' ? 'skipped, libvirtd is not installed' : undefined;
}

function foreground(...args: string[]) {
  const env = { ...process.env, UV_THREADPOOL_SIZE: '16', NO_COLOR: '1' };
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      said += chunk;
    });
  }
  const exit = once(child, 'exit');
  return {
    says: (text: string) => expect.poll(() => said, { timeout: 60_000 }).toContain(text),
    async end(signal: NodeJS.Signals): Promise<unknown> {
      child.kill(signal);
      return (await exit)[0];
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exit;
    },
  };
}
