/** Where a lab and its hosts keep their files, and how their daemons are reached. */
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { LabInvalid } from './errors.ts';

/** `root`: namespaces and cgroups of its own for each host; `session`: daemons of one unprivileged user. */
export type LabMode = 'root' | 'session';

export interface LabFolders {
  /** Sockets and pid files; short, a unix socket's path has at most 107 bytes. */
  readonly runDir: string;
  /** What libvirt keeps of guests, and logs. */
  readonly stateDir: string;
}

export interface HostPlace extends LabFolders {
  /** `a`, `b`, ... */
  readonly name: string;
  /** The same for a client and, as target of a peer-to-peer migration, for the other daemon. */
  readonly uri: string;
  /** Where sockets and consoles of its guests may be; all hosts see it. */
  readonly guestDir: string;
  readonly logFile: string;
}

/** Environment variable by which the processes of a lab are known; its value is the lab's runDir. */
export const LAB_MARK = 'SHADOWGRID_LAB';

/** Longest path of QEMU's monitor below a host's configuration folder, which only a user's libvirtd has there. */
const SESSION_TAIL = 'a/c/libvirt/qemu/lib/domain-9999-twenty-characters-ab/monitor.sock'.length;
const SYSTEM_TAIL = 'a/libvirt/libvirt-sock-admin'.length;
const LONGEST_SOCKET = 107;

/** Folders of the lab whose state is in `state`; default `.shadowgrid/lab` in the working directory. */
export function labFolders(
  state = '.shadowgrid/lab',
  env: Readonly<Record<string, string | undefined>> = process.env,
): LabFolders {
  const stateDir = resolve(state);
  const id = idOf(stateDir);
  const runDir =
    process.getuid?.() === 0
      ? join('/run/shadowgrid', `lab-${id}`)
      : join(env.XDG_RUNTIME_DIR ?? tmpdir(), `sg-lab-${id}`);
  return { runDir, stateDir };
}

/** Eight characters that tell labs apart. */
export function idOf(folder: string): string {
  return createHash('sha256').update(folder).digest('hex').slice(0, 8);
}

export function checkFolders({ runDir, stateDir }: LabFolders, mode: LabMode): void {
  for (const [field, path] of Object.entries({ runDir, stateDir })) {
    if (!isAbsolute(path) || /[\s"'\\]/.test(path))
      throw new LabInvalid(field, `cannot be ${path}`, 'an absolute path without spaces and quotes');
  }
  const longest = LONGEST_SOCKET - 1 - (mode === 'root' ? SYSTEM_TAIL : SESSION_TAIL);
  const bytes = new TextEncoder().encode(runDir).length;
  if (bytes > longest) throw new LabInvalid('runDir', `has ${bytes} bytes`, `at most ${longest}`);
}

/** Places of `count` hosts. */
export function hostPlaces(lab: LabFolders, mode: LabMode, count: number): HostPlace[] {
  return Array.from({ length: count }, (_, index) => {
    const name = String.fromCharCode('a'.charCodeAt(0) + index);
    const runDir = join(lab.runDir, name);
    const stateDir = join(lab.stateDir, `host-${name}`);
    const socket = join(runDir, 'libvirt', 'libvirt-sock');
    return {
      name,
      runDir,
      stateDir,
      uri: `qemu+unix:///${mode === 'root' ? 'system' : 'session'}?socket=${socket}`,
      guestDir: join(runDir, 'guests'),
      logFile: join(stateDir, 'log', 'start.log'),
    };
  });
}
