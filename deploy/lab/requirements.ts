/** What a lab needs of this machine, found out by trying it. */
import { LIBVIRT_PACKAGES } from '../setup/mod.ts';
import { runCommand } from '../setup/process/mod.ts';
import { findHierarchies, makeGroups, removeGroups } from './cgroups.ts';
import type { LabMode } from './place.ts';

export interface Lack {
  readonly what: string;
  readonly remedy: string;
}

/** Programs and the Debian packages that bring them. */
const PROGRAMS = { setsid: 'util-linux', perl: 'perl-base' } as const;
const ROOT_PROGRAMS = { unshare: 'util-linux', nsenter: 'util-linux', ip: 'iproute2' } as const;
const LIBVIRT_PROGRAMS = ['libvirtd', 'virsh', 'qemu-system-x86_64'];
const PRIVILEGED = 'run in a container that may do it (docker run --privileged), or on the machine itself';

/** Empty where a lab can run. */
export async function findLacks(mode: LabMode): Promise<Lack[]> {
  const lacks = [...userLacks(mode), ...(await programLacks(mode))];
  // Without those there is nothing to try with.
  if (mode === 'session' || lacks.length > 0) return lacks;
  return [...(await namespaceLacks()), ...(await cgroupLacks())];
}

export async function programLacks(mode: LabMode): Promise<Lack[]> {
  const packages: Record<string, string> = { ...PROGRAMS, ...(mode === 'root' && ROOT_PROGRAMS) };
  const programs = [...LIBVIRT_PROGRAMS, ...Object.keys(packages)];
  const script = 'for one in "$@"; do command -v "$one" >/dev/null || echo "$one"; done';
  // Daemons are in sbin, which users do not always have in their path.
  const env = { PATH: `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin` };
  const { stdout } = await runCommand('sh', ['-c', script, 'sh', ...programs], { env });
  const missing = stdout.split('\n').filter((line) => line !== '');
  if (missing.length === 0) return [];
  const wanted = new Set(missing.flatMap((program) => packages[program] ?? LIBVIRT_PACKAGES));
  const remedy = `apt-get install -y --no-install-recommends ${[...wanted].join(' ')}`;
  return [{ what: `not installed: ${missing.join(', ')}`, remedy }];
}

function userLacks(mode: LabMode): Lack[] {
  const root = process.getuid?.() === 0;
  if (mode === 'root' && !root)
    return [{ what: 'it needs root', remedy: 'run as root, or take mode session' }];
  if (mode === 'session' && root)
    return [{ what: 'it needs an unprivileged user', remedy: 'run as a user, or take mode root' }];
  return [];
}

async function namespaceLacks(): Promise<Lack[]> {
  const spaces = ['--mount', '--net', '--pid', '--cgroup', '--uts', '--ipc'];
  const options = ['--propagation', 'private', '--fork', '--kill-child', '--mount-proc'];
  const attempts = [
    ['namespaces of its own', 'true'],
    ['mounts inside a namespace', 'mount -t sysfs sysfs /sys'],
    ['network bridges', 'ip link add br0 type bridge'],
    ['pairs of network interfaces (veth)', 'ip link add one type veth peer name other'],
  ] as const;
  const lacks = await Promise.all(
    attempts.map(async ([what, script]) => {
      const { status, stderr } = await runCommand('unshare', [...spaces, ...options, 'sh', '-c', script], {
        check: false,
        timeoutMs: 10_000,
      });
      return status === 0 ? [] : [{ what: `no ${what}: ${stderr.trim()}`, remedy: PRIVILEGED }];
    }),
  );
  // Without namespaces nothing inside of them works either.
  return lacks.find((found) => found.length > 0) ?? [];
}

async function cgroupLacks(): Promise<Lack[]> {
  const hierarchies = await findHierarchies();
  const controllers = hierarchies.flatMap((one) => one.controllers.split(','));
  if (!controllers.includes('unified') && !['cpu', 'memory'].every((name) => controllers.includes(name)))
    return [{ what: 'no cgroups for CPU and memory are mounted', remedy: PRIVILEGED }];
  const group = `shadowgrid-lab-trial-${process.pid}`;
  try {
    await makeGroups(hierarchies, group, ['a'], { cores: 1, memoryMiB: 512 });
    return [];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [{ what: `cgroups cannot be made: ${why}`, remedy: PRIVILEGED }];
  } finally {
    for (const { base } of hierarchies) await removeGroups(`${base}/${group}`);
  }
}
