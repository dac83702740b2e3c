/** The network of a root lab: a bridge in a namespace of its own, and a pair of interfaces from it to each host. */
import { readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pollUntil, runCommand, startDetached } from '../setup/process/mod.ts';
import { LabHostFailed } from './errors.ts';
import type { HostPlace, LabFolders } from './place.ts';
import { markOf } from './processes.ts';

const SWITCH = join(import.meta.dirname ?? '.', 'switch.sh');
const READY_MS = 20_000;

/** Address of the host with this index; nobody outside of the lab's namespaces ever sees it. */
export function addressOf(index: number): string {
  return `10.99.0.${index + 1}`;
}

/** Starts the holder of the bridge. Returns its pid. */
export async function startSwitch(lab: LabFolders): Promise<number> {
  const pidFile = join(lab.runDir, 'switch.pid');
  const logFile = join(lab.runDir, 'lab.log');
  await startDetached('env', [...markOf(lab), 'unshare', '--net', 'sh', SWITCH, pidFile], { logFile });
  const pid = await pollUntil(() => readPid(pidFile), READY_MS);
  if (pid === undefined) throw new LabHostFailed('switch', await readFile(logFile, 'utf8'), logFile);
  return pid;
}

/** Joins a host's `br0` to the bridge; guests may have their taps on it. */
export async function plugIn(switchPid: number, host: HostPlace, index: number): Promise<void> {
  const pid = (await readPid(join(host.runDir, 'host.pid'))) ?? 0;
  const outside = await readlink('/proc/self/ns/net');
  for (const one of [switchPid, pid]) {
    // Interfaces must never be made in the namespace that everybody uses.
    if ((await readlink(`/proc/${one}/ns/net`)) === outside)
      throw new LabHostFailed(host.name, 'it has no network namespace of its own', host.logFile);
  }
  const port = `port-${host.name}`;
  await inNetwork(switchPid, [
    `link add ${port} type veth peer name uplink netns ${pid}`,
    `link set ${port} master br0 up`,
  ]);
  await inNetwork(pid, [`link set uplink master br0 up`, `address add ${addressOf(index)}/24 dev br0`]);
}

async function inNetwork(pid: number, commands: readonly string[]): Promise<void> {
  const script = commands.map((command) => `ip ${command}`).join('\n');
  await runCommand('nsenter', [`--net=/proc/${pid}/ns/net`, 'sh', '-ec', script], { timeoutMs: 10_000 });
}

/** Undefined until the file is there and whole. */
async function readPid(file: string): Promise<number | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return /^\d+\n/.test(text) ? Number(text) : undefined;
}
