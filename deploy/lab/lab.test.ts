/** What a lab refuses before it starts anything, and where it finds the cgroups of a machine. */
import { access } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { limitFiles, parseHierarchies } from './cgroups.ts';
import { startLab } from './mod.ts';
import { hostPlaces, labFolders } from './place.ts';
import { judgeLab } from './probe.ts';

const folders = { runDir: '/run/shadowgrid/none', stateDir: '/nowhere/lab' };

test.each([
  ['hosts', { hosts: 0 }],
  ['hosts', { hosts: 1.5 }],
  ['hosts', { hosts: 27 }],
  ['cores', { mode: 'root', cores: 0.5 }],
  ['cores', { mode: 'root', cores: Number.NaN }],
  ['memoryMiB', { mode: 'root', memoryMiB: 3 }],
  ['cores', { mode: 'session', cores: 1 }],
  ['memoryMiB', { mode: 'session', memoryMiB: 1024 }],
  ['runDir', { runDir: 'relative' }],
  ['runDir', { runDir: '/with "quotes"' }],
  ['runDir', { runDir: `/run/${'x'.repeat(90)}` }],
  ['runDir', { mode: 'session', runDir: `/run/${'x'.repeat(50)}` }],
  ['stateDir', { stateDir: '/a b' }],
] as const)('refuses a wrong %s: %o', async (field, wrong) => {
  await expect(startLab({ ...folders, ...wrong })).rejects.toMatchObject({ code: 'invalid-field', field });
  await expect(access(folders.stateDir)).rejects.toThrow();
});

test('says what this user cannot have', async () => {
  const mode = process.getuid?.() === 0 ? 'session' : 'root';
  await expect(startLab({ ...folders, mode })).rejects.toMatchObject({
    code: 'lab-unavailable',
    hint: expect.stringContaining('mode'),
  });
});

test('labs of two state directories share nothing, hosts of one no folder', () => {
  const [one, other] = [labFolders('/a'), labFolders('/b')];
  expect(one.runDir).not.toBe(other.runDir);
  const places = hostPlaces(one, 'session', 3);
  expect(new Set(places.flatMap(({ runDir, stateDir, uri }) => [runDir, stateDir, uri])).size).toBe(9);
  expect(places.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  expect(places[0]?.uri).toMatch(/^qemu\+unix:\/\/\/session\?socket=\//);
});

test('finds the hierarchies of cgroup version 1, by how they are mounted', () => {
  const mountinfo = [
    '31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755',
    '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct',
    '35 31 0:32 /docker/1 /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory',
    '36 31 0:33 /docker/2 /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids',
    '40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd',
  ].join('\n');
  const own = '9:name=systemd:/\n5:pids:/docker/1\n4:memory:/docker/1/x\n1:cpu,cpuacct:/user\n';
  const found = parseHierarchies(mountinfo, own).map(({ controllers, base }) => [controllers, base]);
  expect(found).toEqual([
    ['cpu,cpuacct', '/sys/fs/cgroup/cpu,cpuacct/user'],
    ['memory', '/sys/fs/cgroup/memory/x'],
    // Our own group is outside of what is mounted.
    ['pids', '/sys/fs/cgroup/pids'],
  ]);
});

test('finds the hierarchy of cgroup version 2', () => {
  const mountinfo = '31 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate';
  expect(parseHierarchies(mountinfo, '0::/user.slice/session-1.scope\n')).toEqual([
    {
      version: 2,
      controllers: 'unified',
      mount: '/sys/fs/cgroup',
      base: '/sys/fs/cgroup/user.slice/session-1.scope',
    },
  ]);
});

test('writes limits in the form of each version', () => {
  const limits = { cores: 1.5, memoryMiB: 1024 };
  expect(limitFiles({ version: 2, controllers: 'unified' }, limits)).toEqual([
    ['cpu.max', '150000 100000'],
    ['memory.max', '1073741824'],
  ]);
  expect(limitFiles({ version: 1, controllers: 'cpu,cpuacct' }, limits)).toEqual([
    ['cpu.cfs_period_us', '100000'],
    ['cpu.cfs_quota_us', '150000'],
  ]);
  expect(limitFiles({ version: 1, controllers: 'memory' }, limits)).toEqual([
    ['memory.limit_in_bytes', '1073741824'],
  ]);
  expect(limitFiles({ version: 1, controllers: 'pids' }, limits)).toEqual([]);
});

test('the doctor names what lacks, and each remedy once', () => {
  expect(judgeLab([], 'hosts')).toEqual({ status: 'ok', detail: 'hosts' });
  const remedy = 'run as root';
  const lacks = [
    { what: 'no veth', remedy },
    { what: 'no bridges', remedy },
  ];
  expect(judgeLab(lacks, 'hosts')).toEqual({ status: 'limited', detail: 'no veth; no bridges', remedy });
});
