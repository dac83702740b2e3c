/** Workers on threads and in processes, with permissions and without: one suite for all, and what each adds. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spawnWorker, type WorkerPermissions, type WorkerPort } from '../../runtime/worker/mod.ts';
import { until } from '../support/until.ts';
import type { ChoresContract } from './worker-chores.worker.ts';
import type { ParentContract } from './worker-parent.worker.ts';
import { CHORES, exitOf, type Kind, next, workerSuite } from './worker-suite.ts';

const ROOT = new URL('../../', import.meta.url);
const onDeno = process.versions.deno !== undefined;
const permissions = { read: [ROOT] } satisfies WorkerPermissions;
const start = (kind: Kind) => spawnWorker<ChoresContract>(CHORES, { name: 'chores', ...kind });

describe('on a thread', () => workerSuite({}));
describe('on a thread, with permissions', () => workerSuite({ permissions }));
describe('in a process', () => workerSuite({ isolation: 'process' }));
describe('in a process, with permissions', () => workerSuite({ isolation: 'process', permissions }));

describe('a process', () => {
  const open = (graceMs?: number) =>
    spawnWorker<ChoresContract>(CHORES, {
      name: 'chores',
      isolation: 'process',
      ...(graceMs !== undefined && { graceMs }),
    });
  /** One that has ended and that nobody has asked about yet does not run. */
  const isRunning = async (pid: number) => {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    return stat !== '' && !/\) Z /.test(stat);
  };

  it('is another one', async () => {
    await using port = open();
    expect(await port.call('pid', undefined)).not.toBe(process.pid);
  });

  it('in an endless loop is killed, and all it was asked rejects', async () => {
    const port = open();
    const exit = exitOf(port);
    const pid = await port.call('pid', undefined);
    const asked = [port.call('spin', undefined), port.call('double', new Float64Array([1]))];
    const refused = asked.map((call) => expect(call).rejects.toMatchObject({ code: 'worker-exited' }));
    const closed = port.close();
    await port.kill();
    await Promise.all(refused);
    await closed;
    expect(await exit).toMatchObject({ code: 137, error: { message: expect.stringContaining('SIGKILL') } });
    expect(await isRunning(pid)).toBe(false);
    await port.kill();
  });

  it('is killed when a call goes on past its deadline and its grace', async () => {
    const port = open(50);
    await port.call('pid', undefined);
    const spinning = port.call('spin', undefined, { deadlineMs: 50 });
    const other = expect(port.call('double', new Float64Array([1]))).rejects.toMatchObject({
      code: 'worker-exited',
    });
    await expect(spinning).rejects.toMatchObject({ code: 'deadline-exceeded' });
    await other;
    await port.close();
  });

  it('ends when the one that started it is gone', async () => {
    const url = new URL('./worker-parent.worker.ts', import.meta.url);
    const parent = spawnWorker<ParentContract>(url, { name: 'parent', isolation: 'process' });
    const child = await parent.call('child', CHORES.href);
    expect(await isRunning(child)).toBe(true);
    await parent.kill();
    await until(async () => !(await isRunning(child)));
  });
});

describe('a sandbox', () => {
  let folder: string;
  const servers: Server[] = [];
  const portOf = (server: Server) => (server.address() as AddressInfo).port;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'shadowgrid-worker-'));
    for (let i = 0; i < 2; i++) {
      const server = createServer((socket) => socket.destroy());
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      servers.push(server);
    }
  });
  afterAll(async () => {
    for (const server of servers) server.close();
    await rm(folder, { recursive: true, force: true });
  });

  // Node does not restrict threads.
  const isolations = onDeno ? (['thread', 'process'] as const) : (['process'] as const);
  describe.each(isolations)('in a %s', (isolation) => {
    let port: WorkerPort<ChoresContract>;
    beforeAll(async () => {
      const net = [`127.0.0.1:${portOf(servers[0]!)}`];
      port = start({ isolation, permissions: { ...permissions, net, env: ['LANG'] } });
      await next(port, 'started');
    });
    afterAll(() => port.close());
    const denied = {
      code: 'sandbox-denied',
      field: 'permissions',
      hint: expect.stringContaining('grant it'),
    };

    it('does not let it write a file', async () => {
      const path = join(folder, 'file');
      await expect(port.call('write', path)).rejects.toMatchObject(denied);
      expect(existsSync(path)).toBe(false);
    });

    it('does not let it run a program', async () => {
      await expect(port.call('run', '/bin/true')).rejects.toMatchObject(denied);
    });

    it.skipIf(onDeno)('does not let it start a thread', async () => {
      await expect(port.call('thread', undefined)).rejects.toMatchObject(denied);
    });

    it('lets it read its own code, and nothing else', async () => {
      expect(await port.call('read', fileURLToPath(CHORES))).toContain('serveWorker');
      await expect(port.call('read', '/etc/hostname')).rejects.toMatchObject(denied);
    });

    it('lets it connect where it may', async () => {
      expect(await port.call('connect', portOf(servers[0]!))).toBe('connected');
    });

    it.runIf(onDeno)('does not let it connect elsewhere', async () => {
      await expect(port.call('connect', portOf(servers[1]!))).rejects.toMatchObject(denied);
    });

    it('shows it no variable but those granted', async () => {
      expect(await port.call('environment', 'LANG')).toBe(process.env.LANG);
      const other = port.call('environment', 'PATH');
      if (onDeno) await expect(other).rejects.toMatchObject(denied);
      else expect(await other).toBeUndefined();
    });

    it('goes on after what it refused', async () => {
      expect(await port.call('double', new Float64Array([1]))).toEqual(new Float64Array([2]));
    });
  });
});
