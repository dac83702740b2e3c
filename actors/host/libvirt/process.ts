/** Finds the QEMU process of a domain, and the cgroups it lives in. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** The process that runs the domain of this UUID; undefined if there is none (that we may see). */
export async function findQemu(uuid: string): Promise<number | undefined> {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const arguments_ = (await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '')).split('\0');
    const at = arguments_.indexOf('-uuid');
    if (at > 0 && arguments_[at + 1] === uuid) return Number(entry);
  }
  return undefined;
}

/** Folders of the domain's cgroups; each is absent where that hierarchy does not hold the domain apart. */
export interface DomainCgroups {
  /** cgroup v1 `cpu` (quota) folder. */
  readonly cpu?: string;
  /** cgroup v1 `cpuacct` folder. */
  readonly cpuacct?: string;
  /** cgroup v2 folder. */
  readonly unified?: string;
}

export async function findCgroups(pid: number): Promise<DomainCgroups> {
  const mounts = await mountPoints();
  const lines = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).trim().split('\n');
  const found: { cpu?: string; cpuacct?: string; unified?: string } = {};
  for (const line of lines) {
    const [, controllers = '', path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const group = domainGroup(path);
    if (group === '/') continue;
    for (const controller of controllers === '' ? ['unified'] : controllers.split(',')) {
      if (controller !== 'cpu' && controller !== 'cpuacct' && controller !== 'unified') continue;
      const mount = mounts.get(controller);
      if (mount !== undefined) found[controller] = join(mount, group);
    }
  }
  return found;
}

/** libvirt keeps the threads of a domain in groups of their own (`emulator`, `vcpu0`): the domain's is their parent. */
function domainGroup(path: string): string {
  return /^(emulator|vcpu\d+|iothread\d+)$/.test(basename(path)) ? dirname(path) : path;
}

/** Where the hierarchies are mounted: `cpu`, `cpuacct`, `unified`. */
async function mountPoints(): Promise<ReadonlyMap<string, string>> {
  const mounts = new Map<string, string>();
  for (const line of (await readFile('/proc/self/mounts', 'utf8')).split('\n')) {
    const [, at = '', type = '', options = ''] = line.split(' ');
    if (type === 'cgroup2' && !mounts.has('unified')) mounts.set('unified', at);
    if (type !== 'cgroup') continue;
    for (const option of options.split(',')) if (!mounts.has(option)) mounts.set(option, at);
  }
  return mounts;
}
