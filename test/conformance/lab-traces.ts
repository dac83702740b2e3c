/** What a lab leaves on a machine: processes, namespaces, cgroups, mounts, interfaces, files. */
import { createHash } from 'node:crypto';
import { access, readdir, readFile, readlink } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';

interface Folders {
  readonly runDir: string;
  readonly stateDir: string;
}

const SPACES = ['mnt', 'net', 'pid', 'cgroup', 'uts', 'ipc'];

/** Namespaces of a process. */
export async function namespacesOf(pid: number): Promise<string[]> {
  const links = SPACES.map((space) => readlink(`/proc/${pid}/ns/${space}`).catch(() => ''));
  return (await Promise.all(links)).filter((link) => link !== '');
}

/** Processes in any of these namespaces, as pid and start: without them the namespaces end. */
export async function inhabitantsOf(namespaces: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const own = await namespacesOf(Number(entry));
    if (own.some((one) => namespaces.includes(one))) found.push(await identityOf(entry));
  }
  return found;
}

/** Everything of the lab that is there, in words; `inhabitants` were seen while it ran. */
export async function tracesOf(
  { runDir, stateDir }: Folders,
  inhabitants: readonly string[] = [],
): Promise<string[]> {
  const traces: string[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    const read = (file: string) => readFile(`/proc/${entry}/${file}`, 'utf8').catch(() => '');
    // A dead process of which its parent has not taken note keeps nothing but its number.
    if (/^\d+ \(.*\) [ZX]/s.test(await read('stat'))) continue;
    const text = (await read('cmdline')) + (await read('environ'));
    // A number alone is given away again, of processes as of namespaces.
    const inside = inhabitants.includes(await identityOf(entry));
    if (inside || text.includes(runDir) || text.includes(stateDir))
      traces.push(`process ${entry} ${await read('comm')}`);
  }
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  for (const line of mounts.split('\n'))
    if (line.includes(runDir) || line.includes(stateDir)) traces.push(`mount ${line}`);
  for (const folder of [runDir, stateDir])
    if (await isThere(folder)) traces.push(`files ${(await readdir(folder, { recursive: true })).join(' ')}`);
  const id = createHash('sha256').update(runDir).digest('hex').slice(0, 8);
  const groups = await foldersCalled(`shadowgrid-lab-${id}`, '/sys/fs/cgroup');
  const interfaces = Object.keys(networkInterfaces()).filter((name) => /^(port-|uplink|br0)/.test(name));
  return [
    ...traces,
    ...groups.map((path) => `cgroup ${path}`),
    ...interfaces.map((name) => `interface ${name}`),
  ];
}

async function identityOf(pid: string): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return `${pid} since ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
}

/** Folders below `folder` that are called `name`: the cgroups of a lab, in each hierarchy. */
async function foldersCalled(name: string, folder: string, depth = 4): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => {
        const path = join(folder, entry.name);
        if (entry.name === name) return [path];
        return depth > 0 ? foldersCalled(name, path, depth - 1) : [];
      }),
  );
  return found.flat();
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
