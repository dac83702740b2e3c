/** One host of a lab: its namespaces, as root, and its libvirtd. */
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { answers, hostUuid, libvirtdConfiguration, prepareLibvirtd, REAPER } from '../libvirtd/mod.ts';
import { pollUntil, startDetached } from '../setup/process/mod.ts';
import { type Hierarchy, makeRoom } from './cgroups.ts';
import { LabHostFailed } from './errors.ts';
import type { HostPlace, LabFolders, LabMode } from './place.ts';
import { labProcesses, markOf } from './processes.ts';
import { groupName } from './remove.ts';

const NAMESPACES = join(import.meta.dirname ?? '.', 'namespaces.sh');
const ENTER = join(import.meta.dirname ?? '.', 'enter.sh');
/** Usual are 2-8 s; several start at once, on few cores. */
const READY_MS = 90_000;
/** A process that was just started is not yet seen with its mark. */
const SETTLED_MS = 1_000;

/** Command and first arguments that run the rest inside the host; none where hosts have no namespaces. */
export function enterCommand(mode: LabMode, { runDir }: HostPlace): readonly string[] {
  return mode === 'root' ? ['sh', ENTER, runDir] : [];
}

/** The folders that everything else of a host is in. */
export async function makeFolders({ runDir, stateDir, guestDir }: HostPlace): Promise<void> {
  for (const folder of [runDir, guestDir, join(runDir, 'libvirt'), join(stateDir, 'log')])
    await mkdir(folder, { recursive: true, mode: 0o700 });
}

/** Starts the holder of a host's namespaces, in its cgroups. */
export async function startNamespaces(
  lab: LabFolders,
  host: HostPlace,
  hierarchies: readonly Hierarchy[],
  signal?: AbortSignal,
): Promise<void> {
  const groups = hierarchies.map(({ controllers, base }) => ({
    controllers,
    group: join(base, groupName(lab.runDir), host.name),
  }));
  const lines = groups.map(({ controllers, group }) => `${controllers} ${group}\n`);
  await writeFile(join(host.runDir, 'cgroups'), lines.join(''));
  const command = [...markOf(lab, host.name), 'sh', NAMESPACES, `lab-${host.name}`, host.runDir];
  await startDetached('env', command, host);
  const ready = join(host.runDir, 'ready');
  await untilReady(
    lab,
    host,
    () =>
      access(ready).then(
        () => true,
        () => false,
      ),
    signal,
  );
  for (const { controllers, group } of groups) if (controllers === 'unified') await makeRoom(group);
}

/** Starts a host's libvirtd, unless one answers. */
export async function startDaemon(
  lab: LabFolders,
  mode: LabMode,
  host: HostPlace,
  signal?: AbortSignal,
): Promise<void> {
  if (await answers(host.uri)) return;
  const command = mode === 'root' ? await prepareLibvirtd(host) : await prepareSession(host);
  const marked = [...markOf(lab, host.name), ...enterCommand(mode, host), ...command];
  await startDetached('env', marked, host);
  await untilReady(lab, host, () => answers(host.uri), signal);
}

/** The pid of a host's libvirtd, as seen from outside; undefined if none runs. */
export async function daemonOf(lab: LabFolders, name: string): Promise<number | undefined> {
  const daemons = (await labProcesses(lab)).filter(
    ({ host, command }) => host === name && command === 'libvirtd',
  );
  // One that is about to become another program is seen for a moment, too; it came later.
  return daemons.map(({ pid }) => pid).sort((a, b) => a - b)[0];
}

/** A daemon of a user reads what XDG's variables name, and so do its guests. */
async function prepareSession({ runDir, stateDir }: HostPlace): Promise<readonly string[]> {
  const home = join(runDir, 'c', 'libvirt');
  await mkdir(home, { recursive: true, mode: 0o700 });
  const configuration = libvirtdConfiguration({
    hostUuid: await hostUuid(stateDir),
    logFile: join(stateDir, 'log', 'libvirtd.log'),
  });
  await writeFile(join(home, 'libvirtd.conf'), configuration);
  await writeFile(join(home, 'qemu.conf'), 'stdio_handler = "file"\n');
  return [
    // Daemons are in sbin, which users do not always have in their path.
    `PATH=${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`,
    `HOME=${stateDir}`,
    `XDG_RUNTIME_DIR=${runDir}`,
    `XDG_CONFIG_HOME=${join(runDir, 'c')}`,
    `XDG_CACHE_HOME=${join(stateDir, 'cache')}`,
    `XDG_DATA_HOME=${join(stateDir, 'data')}`,
    // Asked for another host that is not there, libvirt would start one.
    'LIBVIRT_AUTOSTART=0',
    ...['perl', REAPER, '-f', join(home, 'libvirtd.conf'), '--pid-file', join(runDir, 'libvirtd.pid')],
  ];
}

async function untilReady(
  lab: LabFolders,
  { name, logFile }: HostPlace,
  isReady: () => Promise<boolean>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const began = performance.now();
  const outcome = await pollUntil(async () => {
    signal?.throwIfAborted();
    if (await isReady()) return 'ready';
    if (performance.now() - began < SETTLED_MS) return undefined;
    const alive = (await labProcesses(lab)).some(({ host }) => host === name);
    return alive ? undefined : 'ended';
  }, READY_MS);
  if (outcome === 'ready') return;
  const said = await readFile(logFile, 'utf8').catch(() => '');
  throw new LabHostFailed(name, said.trim().split('\n').at(-1) ?? '', logFile);
}
