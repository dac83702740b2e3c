/** A lab's cgroups, version 1 and 2: found, made with limits, looked into and removed. */
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { LabInvalid } from './errors.ts';

/** One hierarchy, at the group that ours may be made in. */
export interface Hierarchy {
  readonly version: 1 | 2;
  /** As mounted: `cpu,cpuacct`; `unified` for version 2. */
  readonly controllers: string;
  /** Folder of the group in which ours are made. */
  readonly base: string;
}

export interface HostLimits {
  readonly cores: number;
  readonly memoryMiB: number;
}

/** What libvirt makes groups in, where it is there; the first two are needed for the limits. */
const WANTED = ['cpu', 'memory', 'cpuacct', 'cpuset', 'devices', 'freezer', 'blkio', 'pids'];
const PERIOD_US = 100_000;

/** The hierarchies of this machine; groups are made below our own, or the nearest that can have some. */
export async function findHierarchies(): Promise<Hierarchy[]> {
  const [mounts, own] = await Promise.all(
    ['/proc/self/mountinfo', '/proc/self/cgroup'].map((file) => readFile(file, 'utf8')),
  );
  const found = parseHierarchies(mounts ?? '', own ?? '');
  const unified = found.find(({ version }) => version === 2);
  if (unified === undefined || found.some(({ version }) => version === 1))
    return found.filter(({ version }) => version === 1);
  return [{ ...unified, base: await parentGroup(unified) }];
}

interface Mounted extends Hierarchy {
  readonly mount: string;
}

/** From the text of /proc/self/mountinfo and /proc/self/cgroup. */
export function parseHierarchies(mountinfo: string, selfCgroup: string): Mounted[] {
  const own = new Map(
    selfCgroup
      .trim()
      .split('\n')
      .map((line) => {
        const [, controllers = '', path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
        return [controllers === '' ? 'unified' : controllers, path] as const;
      }),
  );
  return mountinfo
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [before = '', after = ''] = line.split(' - ');
      const [, , , root = '/', mount = ''] = before.split(' ');
      const [type, , options = ''] = after.split(' ');
      const names = options.split(',');
      const key = [...own.keys()].find((controllers) =>
        type === 'cgroup2'
          ? controllers === 'unified'
          : controllers.split(',').every((c) => names.includes(c)),
      );
      if (key === undefined || (type !== 'cgroup' && type !== 'cgroup2')) return [];
      if (type === 'cgroup' && !WANTED.some((name) => key.split(',').includes(name))) return [];
      const below = relative(root, own.get(key) ?? '/');
      // What is outside of the mount cannot be seen: then the mount itself is ours.
      const base = below.startsWith('..') ? mount : join(mount, below);
      return [{ version: type === 'cgroup2' ? 2 : 1, controllers: key, base, mount } as const];
    });
}

/** Under version 2 a group that holds processes cannot pass controllers on: the nearest above us that does. */
async function parentGroup({ base, mount }: Mounted): Promise<string> {
  for (let group = base; group.startsWith(mount); group = dirname(group)) {
    const passed = await readFile(join(group, 'cgroup.subtree_control'), 'utf8').catch(() => '');
    if (['cpu', 'memory'].every((name) => passed.split(/\s+/).includes(name))) return group;
  }
  return mount;
}

/** Makes the lab's groups and, in them, those of its hosts with their limits. */
export async function makeGroups(
  hierarchies: readonly Hierarchy[],
  lab: string,
  hosts: readonly string[],
  limits: HostLimits,
): Promise<void> {
  for (const hierarchy of hierarchies) {
    const top = join(hierarchy.base, lab);
    await makeGroup(hierarchy, top);
    for (const host of hosts) {
      await makeGroup(hierarchy, join(top, host));
      for (const [file, value] of limitFiles(hierarchy, limits)) {
        await writeFile(join(top, host, file), value).catch(() => {
          const right = 'at least 1 core, and no more than the groups above allow';
          throw new LabInvalid('limits', `cannot be set: ${file} refuses ${value}`, right);
        });
      }
    }
  }
}

/** Names and contents of the files that hold a host to its limits. */
export function limitFiles(
  { version, controllers }: Pick<Hierarchy, 'version' | 'controllers'>,
  { cores, memoryMiB }: HostLimits,
): [file: string, value: string][] {
  const quota = Math.round(cores * PERIOD_US);
  const bytes = String(memoryMiB * 2 ** 20);
  if (version === 2) {
    return [
      ['cpu.max', `${quota} ${PERIOD_US}`],
      ['memory.max', bytes],
    ];
  }
  const has = (name: string) => controllers.split(',').includes(name);
  return [
    ...(has('cpu')
      ? ([
          ['cpu.cfs_period_us', String(PERIOD_US)],
          ['cpu.cfs_quota_us', String(quota)],
        ] satisfies [string, string][])
      : []),
    ...(has('memory') ? ([['memory.limit_in_bytes', bytes]] satisfies [string, string][]) : []),
  ];
}

async function makeGroup({ version, controllers }: Hierarchy, group: string): Promise<void> {
  if (version === 2) await passOn(dirname(group));
  await mkdir(group, { recursive: true });
  if (version === 2 || !controllers.split(',').includes('cpuset')) return;
  // A group of this controller takes no process before it has both, and gives its children nothing by itself.
  for (const file of ['cpuset.cpus', 'cpuset.mems'])
    await writeFile(join(group, file), await readFile(join(dirname(group), file), 'utf8'));
  await writeFile(join(group, 'cgroup.clone_children'), '1');
}

/** Version 2: moves a host's processes into a group below, so that the guests' groups beside it can have limits. */
export async function makeRoom(group: string): Promise<void> {
  const init = join(group, 'init');
  await mkdir(init, { recursive: true });
  for (const pid of await members(group)) await writeFile(join(init, 'cgroup.procs'), String(pid));
  await passOn(group);
}

async function passOn(group: string): Promise<void> {
  const there = (await readFile(join(group, 'cgroup.controllers'), 'utf8')).trim().split(/\s+/);
  const wanted = ['cpu', 'cpuset', 'io', 'memory', 'pids'].filter((name) => there.includes(name));
  await writeFile(join(group, 'cgroup.subtree_control'), wanted.map((name) => `+${name}`).join(' '));
}

/** Processes in a group and all below it; none if it is not there. */
export async function membersBelow(group: string): Promise<number[]> {
  const all = await Promise.all((await groupsBelow(group)).map(members));
  return all.flat();
}

/** Removes a group and all below it; false while something is still in one. */
export async function removeGroups(group: string): Promise<boolean> {
  const groups = await groupsBelow(group);
  const results = [];
  // Deepest first.
  for (const one of groups.reverse()) {
    results.push(
      await rmdir(one).then(
        () => true,
        (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
      ),
    );
  }
  return results.every(Boolean);
}

/** A group and those below it, each after its parent. */
async function groupsBelow(group: string): Promise<string[]> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return [];
  const folders = entries.filter((entry) => entry.isDirectory());
  const below = await Promise.all(folders.map(({ name }) => groupsBelow(join(group, name))));
  return [group, ...below.flat()];
}

async function members(group: string): Promise<number[]> {
  const text = await readFile(join(group, 'cgroup.procs'), 'utf8').catch(() => '');
  // Version 1 shows processes of a namespace that we do not see as 0.
  return text
    .split('\n')
    .map(Number)
    .filter((pid) => pid > 0);
}
