/** Finds out which cgroups this machine has and whether CPU bandwidth can be limited, by limiting a group of nobody. */
import { access, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Verdict } from './finding.ts';

const MOUNT = '/sys/fs/cgroup';

export async function probeCgroup(): Promise<Verdict> {
  if (await exists(join(MOUNT, 'cgroup.controllers'))) {
    const controllers = (await readFile(join(MOUNT, 'cgroup.controllers'), 'utf8')).trim().split(' ');
    return judgeCgroup(2, controllers, await tryQuota(MOUNT, 'cpu.max', '50000 100000'));
  }
  const controllers = await which(['cpu', 'cpuacct', 'cpuset', 'memory', 'blkio']);
  const own = await ownGroup('cpu');
  const quota =
    controllers.includes('cpu') && (await tryQuota(join(MOUNT, 'cpu', own), 'cpu.cfs_quota_us', '50000'));
  return judgeCgroup(controllers.length > 0 ? 1 : undefined, controllers, quota);
}

export function judgeCgroup(
  version: 1 | 2 | undefined,
  controllers: readonly string[],
  quotaWorks: boolean,
): Verdict {
  const remedy = 'run as root, and in a container with writable cgroups (docker run --privileged)';
  if (version === undefined) return { status: 'missing', detail: 'no cgroups are mounted', remedy };
  const what = `cgroup v${version} (${controllers.join(' ')})`;
  if (quotaWorks) return { status: 'ok', detail: `${what}, CPU bandwidth can be limited` };
  return { status: 'limited', detail: `${what}, CPU bandwidth cannot be limited`, remedy };
}

async function tryQuota(parent: string, file: string, value: string): Promise<boolean> {
  const group = join(parent, `shadowgrid-doctor-${process.pid}`);
  try {
    await mkdir(group);
    await writeFile(join(group, file), value, { flag: 'r+' });
    return true;
  } catch {
    return false;
  } finally {
    await rmdir(group).catch(() => {});
  }
}

/** Path of our own group below the mount of a v1 controller. */
async function ownGroup(controller: string): Promise<string> {
  const groups = await readFile('/proc/self/cgroup', 'utf8').catch(() => '');
  const line = groups.split('\n').find((entry) => entry.split(':')[1]?.split(',').includes(controller));
  return line?.split(':')[2] ?? '';
}

async function which(names: readonly string[]): Promise<string[]> {
  const there = await Promise.all(names.map((name) => exists(join(MOUNT, name, 'cgroup.procs'))));
  return names.filter((_, index) => there[index]);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
