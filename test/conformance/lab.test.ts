/** A lab of two hosts as root: namespaces, limits, live migration there and back, and nothing left afterwards. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureGuestImage } from '../../deploy/guest/mod.ts';
import { type Lab, LabUnavailable, removeLab, startLab } from '../../deploy/lab/mod.ts';
import { runCommand } from '../../deploy/setup/process/mod.ts';
import { LabGuest } from './lab-guest.ts';
import { inhabitantsOf, namespacesOf, tracesOf } from './lab-traces.ts';

const stateDir = await mkdtemp(join(tmpdir(), 'sg-lab-test-'));
const folders = { runDir: `/run/shadowgrid/lab-t${process.pid}`, stateDir };
const lab = await start();
const reason = lab instanceof Error ? `skipped: ${lab.message}` : 'two hosts, root';

describe.skipIf(lab instanceof Error)(`lab (${reason})`, () => {
  const { hosts, migrateUri, sharedDir } = lab as Lab;
  const [a, b] = hosts as [Lab['hosts'][number], Lab['hosts'][number]];
  let guest: LabGuest;
  let namespaces: string[] = [];

  beforeAll(async () => {
    guest = new LabGuest('lab-guest', await ensureGuestImage(), sharedDir);
    await guest.start(a);
    const daemons = await Promise.all(hosts.map((host) => host.daemon()));
    const outside = await namespacesOf(process.pid);
    namespaces = (await Promise.all(daemons.map((pid) => namespacesOf(pid ?? 0)))).flat();
    expect(namespaces).toHaveLength(12);
    expect(namespaces.filter((one) => outside.includes(one))).toEqual([]);
  });

  test('its hosts are held to their limits and see each other only', async () => {
    expect(a.limits).toEqual({ cores: 1, memoryMiB: 1024 });
    const inside = async (...command: string[]) => {
      const [program = '', ...args] = [...a.enter, ...command];
      return (await runCommand(program, args, { timeoutMs: 10_000 })).stdout;
    };
    expect(await inside('cat', '/proc/sys/kernel/hostname')).toBe('lab-a\n');
    // In its own hierarchy, the root of which is the host's group.
    const limits =
      'cd /sys/fs/cgroup; cat cpu.max memory.max */cpu.cfs_quota_us */memory.limit_in_bytes 2>&-';
    expect(await inside('sh', '-c', `{ ${limits}; } || true`)).toMatch(/100000[\s\S]*1073741824/);
    expect(await inside('ip', '-brief', 'route')).not.toContain('default');
    expect(a.address).not.toBe(b.address);
  });

  test('finds its guests again after libvirtd was killed', async () => {
    const killed = await a.daemon();
    process.kill(killed!, 'SIGKILL');
    await expect.poll(() => a.daemon(), { timeout: 5000 }).toBeUndefined();
    await a.startDaemon();
    expect(await a.daemon()).not.toBe(killed);
    expect(await guest.names(a)).toEqual([guest.name]);
  });

  test('moves a guest there and back by unix sockets, and by TCP that nobody outside sees', async () => {
    expect(await guest.answers(a)).toBe(true);
    await guest.migrate(a, b, migrateUri(a.name, b.name));
    expect([await guest.names(a), await guest.names(b)]).toEqual([[], [guest.name]]);
    expect(await guest.answers(b)).toBe(true);
    await guest.migrate(b, a, migrateUri(b.name, a.name));
    expect([await guest.names(a), await guest.names(b)]).toEqual([[guest.name], []]);
    expect(await guest.answers(a)).toBe(true);
    await guest.migrate(a, b, `tcp://${b.address}`);
    expect(await guest.answers(b)).toBe(true);
  });

  test('is not started twice', async () => {
    await expect(startLab(folders)).rejects.toMatchObject({ code: 'lab-runs' });
    expect(await guest.answers(b)).toBe(true);
  });

  test('goes without a trace, its guests with it, and comes again', async () => {
    const kernelSees = await readFile('/proc/self/cgroup', 'utf8');
    const inhabitants = await inhabitantsOf(namespaces);
    expect(inhabitants.length).toBeGreaterThan(6);
    await (lab as Lab).stop();
    expect(await tracesOf(folders, inhabitants)).toEqual([]);
    await using again = await startLab({ ...folders, hosts: 1 });
    expect(await guest.names(again.hosts[0]!)).toEqual([]);
    await again.stop();
    expect(await tracesOf(folders)).toEqual([]);
    expect(await readFile('/proc/self/cgroup', 'utf8')).toBe(kernelSees);
  });

  test('is taken down when its start is ended', async () => {
    const ending = new AbortController();
    const onProgress = (line: string) => line.startsWith('starting') && ending.abort();
    await expect(startLab({ ...folders, signal: ending.signal, onProgress })).rejects.toThrow();
    expect(await tracesOf(folders)).toEqual([]);
  });
});

afterAll(async () => {
  await removeLab(folders);
  await rm(stateDir, { recursive: true, force: true });
});

async function start(): Promise<Lab | Error> {
  try {
    return await startLab({ ...folders, mode: 'root', cores: 1, memoryMiB: 1024 });
  } catch (error) {
    if (!(error instanceof LabUnavailable)) throw error;
    console.warn(`lab not tested: ${error.message}`);
    return error;
  }
}
