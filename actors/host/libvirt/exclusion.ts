/** One host agent per libvirt: a lock beside the daemon's socket, which the kernel lifts when its holder ends, however it ends. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import koffi from 'koffi';
import { HostTaken, HypervisorError } from '../errors.ts';

const O_RDWR_CREAT_CLOEXEC = 0o2 | 0o100 | 0o2000000;
const LOCK_EX_NB = 2 | 4;

/** Throws `HostTaken` naming the process that has it, or `HypervisorError` where the lock cannot be made. */
export function excludeOthers(folder: string): Disposable {
  const libc = koffi.load('libc.so.6');
  // Descriptors of the runtime's own are not the kernel's everywhere.
  const open = libc.func('int open(const char *path, int flags, int mode)');
  const flock = libc.func('int flock(int fd, int operation)');
  const ftruncate = libc.func('int ftruncate(int fd, long length)');
  const write = libc.func('long write(int fd, const char *bytes, long length)');
  const close = libc.func('int close(int fd)');

  const path = join(folder, 'shadowgrid-agent.lock');
  const descriptor: number = open(path, O_RDWR_CREAT_CLOEXEC, 0o600);
  if (descriptor < 0) {
    throw new HypervisorError(`${path} cannot be opened: it keeps two host agents off one libvirt`, {
      hint: "run as libvirt's user",
    });
  }
  if (flock(descriptor, LOCK_EX_NB) !== 0) {
    close(descriptor);
    throw new HostTaken(folder, readFileSync(path, 'utf8').trim());
  }
  const pid = String(process.pid);
  ftruncate(descriptor, 0);
  write(descriptor, pid, pid.length);
  return { [Symbol.dispose]: () => void close(descriptor) };
}

/** Where the daemon of `uri` has its socket, which only one daemon can have. */
export function socketFolder(uri: string, env: Readonly<Record<string, string | undefined>>): string {
  const { pathname, searchParams } = new URL(uri);
  const socket = searchParams.get('socket');
  if (socket !== null) return join(socket, '..');
  if (!pathname.endsWith('/session')) return '/run/libvirt';
  return join(env.XDG_RUNTIME_DIR ?? join(env.HOME ?? '/', '.cache'), 'libvirt');
}
