/** Finds the QEMU process of a domain, its vCPUs' threads, and the cgroups it lives in. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Where the kernel shows processes; another folder in tests, laid out the same. */
export const PROC = '/proc';

/** The process that runs the domain of this UUID; undefined if there is none (that we may see). */
export async function findQemu(uuid: string, proc: string = PROC): Promise<number | undefined> {
  // The newest first: the domain was mostly started just now.
  for (const entry of (await readdir(proc)).reverse()) {
    if (!/^\d+$/.test(entry)) continue;
    const arguments_ = (await readFile(join(proc, entry, 'cmdline'), 'utf8').catch(() => '')).split('\0');
    const at = arguments_.indexOf('-uuid');
    if (at > 0 && arguments_[at + 1] === uuid) return Number(entry);
  }
  return undefined;
}

/** Threads of vCPUs by the vCPU's number: QEMU names them `CPU 0/KVM` when libvirt starts it. */
export async function findVcpuThreads(
  pid: number,
  proc: string = PROC,
): Promise<ReadonlyMap<number, number>> {
  const threads = new Map<number, number>();
  const folder = join(proc, String(pid), 'task');
  for (const entry of await readdir(folder)) {
    // A thread may end while the folder is read.
    const name = await readFile(join(folder, entry, 'comm'), 'utf8').catch(() => '');
    const [, vcpu] = /^CPU (\d+)\//.exec(name) ?? [];
    if (vcpu !== undefined) threads.set(Number(vcpu), Number(entry));
  }
  return threads;
}

/** Folders of the domain's cgroups; each is absent where that hierarchy does not hold the domain apart. */
export interface DomainCgroups {
  /** cgroup v1 `cpu` (quota) folder. */
  readonly cpu?: string;
  /** cgroup v1 `cpuacct` folder. */
  readonly cpuacct?: string;
  /** cgroup v1 `memory` folder. */
  readonly memory?: string;
  /** cgroup v2 folder. */
  readonly unified?: string;
}

/**
 * libvirt's names: `/machine/qemu-1-NAME.libvirt-qemu`, under systemd `/machine.slice/machine-qemu\x2d1\x2dNAME.scope`.
 * Any other group is one that the domain shares with whoever started it.
 */
const DOMAIN_GROUP = /(^|\/)(qemu-\d+-|machine-qemu\\x2d\d+\\x2d)[^/]+(\/libvirt)?$/;

type Hierarchy = keyof DomainCgroups;
const HIERARCHIES: ReadonlySet<string> = new Set<Hierarchy>(['cpu', 'cpuacct', 'memory', 'unified']);

export async function findCgroups(pid: number, proc: string = PROC): Promise<DomainCgroups> {
  const mounts = await mountPoints(proc);
  const lines = (await readFile(join(proc, String(pid), 'cgroup'), 'utf8')).trim().split('\n');
  const found: { -readonly [hierarchy in Hierarchy]?: string } = {};
  for (const line of lines) {
    const [, controllers = '', path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const group = domainGroup(path);
    if (!DOMAIN_GROUP.test(group)) continue;
    for (const controller of controllers === '' ? ['unified'] : controllers.split(',')) {
      const mount = mounts.get(controller);
      if (mount !== undefined && isHierarchy(controller)) found[controller] = join(mount, group);
    }
  }
  return found;
}

function isHierarchy(controller: string): controller is Hierarchy {
  return HIERARCHIES.has(controller);
}

/** libvirt keeps the threads of a domain in groups of their own (`emulator`, `vcpu0`): the domain's is their parent. */
function domainGroup(path: string): string {
  return /^(emulator|vcpu\d+|iothread\d+)$/.test(basename(path)) ? dirname(path) : path;
}

/** Where the hierarchies are mounted: `cpu`, `cpuacct`, `memory`, `unified`. */
async function mountPoints(proc: string): Promise<ReadonlyMap<string, string>> {
  const mounts = new Map<string, string>();
  for (const line of (await readFile(join(proc, 'self', 'mounts'), 'utf8')).split('\n')) {
    const [, at = '', type = '', options = ''] = line.split(' ');
    if (type === 'cgroup2' && !mounts.has('unified')) mounts.set('unified', at);
    if (type !== 'cgroup') continue;
    for (const option of options.split(',')) if (!mounts.has(option)) mounts.set(option, at);
  }
  return mounts;
}
