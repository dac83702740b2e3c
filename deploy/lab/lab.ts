/** Brings several libvirt hosts up on this machine, as root or as a user, and takes them down. */
import { mkdir } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { findHierarchies, type HostLimits, makeGroups } from './cgroups.ts';
import { LabInvalid, LabRuns, LabUnavailable } from './errors.ts';
import { daemonOf, enterCommand, makeFolders, startDaemon, startNamespaces } from './host.ts';
import { addressOf, plugIn, startSwitch } from './network.ts';
import { checkFolders, type HostPlace, hostPlaces, type LabFolders, type LabMode } from './place.ts';
import { type LabRecord, ourselves, readRecord, writeRecord } from './record.ts';
import { groupName, labGroups, MOST_HOSTS, removeLab } from './remove.ts';
import { findLacks } from './requirements.ts';
import { labStatus } from './status.ts';

export interface LabOptions extends LabFolders {
  /** 1 to 26; default 2. */
  readonly hosts?: number;
  /** Default: `root` as root, else `session`. */
  readonly mode?: LabMode;
  /** Of each host, as its cgroups enforce it; default: an equal share. Mode `root` only. */
  readonly cores?: number;
  /** Of each host, as its cgroups enforce it; default: an equal share of 80 %. Mode `root` only. */
  readonly memoryMiB?: number;
  /** Whether it stays when this process ends; default: who comes next may remove it. */
  readonly keep?: boolean;
  readonly onProgress?: (line: string) => void;
  /** Ends the start; what there is by then is taken down. */
  readonly signal?: AbortSignal;
}

export interface LabHost {
  /** `a`, `b`, ... */
  readonly name: string;
  /** For clients, and as target of a peer-to-peer migration from another host of the lab. */
  readonly uri: string;
  /** Where sockets and consoles of its guests may be; all hosts see it. */
  readonly runDir: string;
  /** Its libvirt's files. */
  readonly stateDir: string;
  /** What the host is held to; undefined in mode `session`, where nothing is. */
  readonly limits?: HostLimits;
  /** Its address in the lab's network, which is a world of its own; undefined in mode `session`. */
  readonly address?: string;
  /** Command and first arguments that run the rest inside the host, with its limits; empty in mode `session`. */
  readonly enter: readonly string[];
  /** The pid of its libvirtd, as we see it; undefined while none runs. */
  daemon(): Promise<number | undefined>;
  /** Starts its libvirtd again after it died; guests are found again. */
  startDaemon(): Promise<void>;
}

export interface Lab extends AsyncDisposable {
  readonly mode: LabMode;
  readonly hosts: readonly LabHost[];
  /** A folder for checkpoints and the like; all hosts see it, under the same path. It goes with the lab. */
  readonly sharedDir: string;
  /** A new unix socket for the stream of one migration, as `unix:///path`. */
  migrateUri(from: string, to: string): string;
  /** Ends hosts and guests at once and removes everything of the lab. */
  stop(): Promise<void>;
}

/**
 * What a lab left behind in these folders is removed first. On any error everything is taken down.
 *
 * @throws LabRuns, LabUnavailable, LabInvalid (`field` names the option), LabHostFailed
 */
export async function startLab(options: LabOptions): Promise<Lab> {
  const { onProgress, signal } = options;
  const plan = planOf(options);
  const { folders, mode, limits } = plan;
  const lacks = await findLacks(mode);
  if (lacks.length > 0) {
    const remedies = new Set(lacks.map(({ remedy }) => remedy));
    throw new LabUnavailable(
      mode,
      lacks.map(({ what }) => what),
      [...remedies].join('; '),
    );
  }
  const present = await labStatus(folders);
  if (present?.lives) throw new LabRuns(folders.runDir, present.owner);
  if (await removeLab(folders)) onProgress?.('removed what an earlier lab had left');
  signal?.throwIfAborted();

  await using undo = new AsyncDisposableStack();
  undo.defer(() => removeLab(folders).then(() => {}));
  await writeRecord(folders, {
    mode,
    stateDir: folders.stateDir,
    hosts: plan.hosts.length,
    cgroups: await labGroups(folders.runDir),
    ...(options.keep !== true && { owner: await ourselves() }),
    ...(limits !== undefined && { limits }),
  } satisfies LabRecord);
  const lab = { ...folders, mode };
  for (const folder of [sharedDir(lab), migrations(lab)])
    await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const host of plan.hosts) await makeFolders(host);
  if (limits !== undefined) await startWorlds(plan, limits, signal);
  onProgress?.(`starting ${plan.hosts.length} libvirt daemons`);
  await Promise.all(plan.hosts.map((host) => startDaemon(folders, mode, host, signal)));
  signal?.throwIfAborted();
  undo.move();
  return labOf(plan);
}

/** A lab that was told to stay and lives; undefined if there is none. What is dead of one is left to {@link startLab}. */
export async function openLab(given: LabFolders): Promise<Lab | undefined> {
  const [record, status] = await Promise.all([readRecord(given.runDir), labStatus(given)]);
  if (record === undefined || record.owner !== undefined || !status?.lives) return undefined;
  const { mode, stateDir, hosts, limits } = record;
  const folders = { ...given, stateDir };
  return labOf({
    folders,
    mode,
    hosts: hostPlaces(folders, mode, hosts),
    ...(limits !== undefined && { limits }),
  });
}

interface Plan {
  readonly folders: LabFolders;
  readonly mode: LabMode;
  readonly hosts: readonly HostPlace[];
  readonly limits?: HostLimits;
}

function planOf(options: LabOptions): Plan {
  const { runDir, stateDir, hosts = 2, cores, memoryMiB } = options;
  const mode = options.mode ?? (process.getuid?.() === 0 ? 'root' : 'session');
  const folders = { runDir, stateDir };
  checkFolders(folders, mode);
  if (!Number.isInteger(hosts) || hosts < 1 || hosts > MOST_HOSTS)
    throw new LabInvalid('hosts', `cannot be ${hosts}`, `1 to ${MOST_HOSTS}`);
  const places = hostPlaces(folders, mode, hosts);
  if (mode === 'session') {
    for (const [field, value] of Object.entries({ cores, memoryMiB })) {
      if (value !== undefined)
        throw new LabInvalid(field, 'cannot be limited without root', 'nothing; or run as root');
    }
    return { folders, mode, hosts: places };
  }
  const machine = { cores: availableParallelism(), memoryMiB: Math.floor(totalmem() / 2 ** 20) };
  const limits = {
    cores: cores ?? Math.max(1, machine.cores / hosts),
    memoryMiB: memoryMiB ?? Math.floor((machine.memoryMiB * 0.8) / hosts),
  };
  if (!(limits.cores >= 1 && limits.cores <= machine.cores))
    throw new LabInvalid('cores', `cannot be ${limits.cores}`, `1 to ${machine.cores}`);
  // libvirtd and one small guest want so much.
  if (!(limits.memoryMiB >= 512 && limits.memoryMiB <= machine.memoryMiB))
    throw new LabInvalid('memoryMiB', `cannot be ${limits.memoryMiB}`, `512 to ${machine.memoryMiB}`);
  return { folders, mode, hosts: places, limits };
}

/** Cgroups, namespaces and the network between them. */
async function startWorlds(
  { folders, hosts }: Plan,
  limits: HostLimits,
  signal?: AbortSignal,
): Promise<void> {
  const hierarchies = await findHierarchies();
  await makeGroups(
    hierarchies,
    groupName(folders.runDir),
    hosts.map(({ name }) => name),
    limits,
  );
  const switchPid = await startSwitch(folders);
  await Promise.all(hosts.map((host) => startNamespaces(folders, host, hierarchies, signal)));
  for (const [index, host] of hosts.entries()) await plugIn(switchPid, host, index);
}

function labOf({ folders, mode, hosts, limits }: Plan): Lab {
  let migration = 0;
  const stop = async () => void (await removeLab(folders));
  return {
    mode,
    hosts: hosts.map((host, index) => ({
      name: host.name,
      uri: host.uri,
      runDir: host.guestDir,
      stateDir: host.stateDir,
      enter: enterCommand(mode, host),
      ...(limits !== undefined && { limits, address: addressOf(index) }),
      daemon: () => daemonOf(folders, host.name),
      startDaemon: () => startDaemon(folders, mode, host),
    })),
    sharedDir: sharedDir(folders),
    migrateUri(from, to) {
      migration += 1;
      return `unix://${join(migrations(folders), `${from}-${to}-${migration}.sock`)}`;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function sharedDir({ stateDir }: LabFolders): string {
  return join(stateDir, 'shared');
}

function migrations({ runDir }: LabFolders): string {
  return join(runDir, 'migrations');
}
