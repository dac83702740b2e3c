/** The processes of one grid as the machine sees them: who runs, and who was left behind. */
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { gridPaths } from '../../deploy/local/mod.ts';
import { findDaemon } from '../../deploy/setup/process/mod.ts';

export interface GridMember {
  readonly pid: number;
  readonly command: string;
}

/** Everything that runs for the grid of this state directory, or in its mount namespace: daemons, guests, the grid itself. */
export async function processesOf(state: string): Promise<GridMember[]> {
  const { run } = gridPaths(state);
  // As mounts name it, whether or not the folder for temporary files is a file system of its own.
  const mounted = `/${relative(tmpdir(), state)}/`;
  const found: GridMember[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    const read = (file: string) => readFile(`/proc/${entry}/${file}`, 'utf8').catch(() => '');
    const command = (await read('cmdline')).replaceAll('\0', ' ');
    const named = command.includes(state) || command.includes(run);
    if (named || (await read('mountinfo')).includes(mounted)) {
      found.push({ pid: Number(entry), command });
    }
  }
  return found;
}

/** The QEMU process of each guest of the grid. */
export async function guestsOf(state: string): Promise<GridMember[]> {
  const all = await processesOf(state);
  return all.filter(({ command }) => /^\S*qemu-system-\S+ /.test(command));
}

/** The QEMU process of one job; undefined if it has none. */
export async function guestOf(state: string, jobId: string): Promise<number | undefined> {
  const guests = await guestsOf(state);
  return guests.find(({ command }) => command.includes(`guest=sg-${jobId},`))?.pid;
}

export function natsServerOf(state: string): Promise<number | undefined> {
  return findDaemon(join(gridPaths(state).natsRun, 'nats-server.pid'), 'nats-server');
}

export function libvirtdOf(state: string): Promise<number | undefined> {
  return findDaemon(join(gridPaths(state).run, 'libvirtd.pid'), 'libvirtd');
}

/** Files left in the grid's run directory: sockets, pid files, console logs. */
export async function runFilesOf(state: string): Promise<string[]> {
  return (await readdir(gridPaths(state).run, { recursive: true }).catch(() => [])).sort();
}
