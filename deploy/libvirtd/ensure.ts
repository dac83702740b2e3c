/** A libvirt daemon of our own: found where it runs, started where it does not; it and its guests outlive us. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LIBVIRT_PACKAGES } from '../setup/debian/mod.ts';
import {
  endProcess,
  findDaemon,
  isRunning,
  pollUntil,
  runCommand,
  startDetached,
} from '../setup/process/mod.ts';
import { LibvirtMissing, LibvirtNeedsRoot, LibvirtNotReady } from './errors.ts';
import { prepareLibvirtd } from './prepare.ts';

export interface LibvirtdOptions {
  /** Sockets and pid file; keep it short, a unix socket's path has at most 107 bytes. */
  readonly runDir: string;
  /** Configuration, logs and what libvirt keeps of guests. */
  readonly stateDir: string;
  /** How long a start may take; default 60 s, usual are 2-8. */
  readonly readyMs?: number;
  readonly onProgress?: (line: string) => void;
  /** `SHADOWGRID_LIBVIRT_URI` names a daemon to use instead. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface Libvirtd {
  readonly uri: string;
  /** `external` belongs to somebody else, `adopted` ran already, `started` was started now. */
  readonly origin: 'external' | 'adopted' | 'started';
  readonly pid: number | undefined;
  /** Whether its process is there; that of somebody else is taken to be. */
  running(): Promise<boolean>;
  /** Ends our daemon unless guests still run on it; their names are returned, and then it stays. */
  stop(): Promise<readonly string[]>;
}

export async function ensureLibvirtd(options: LibvirtdOptions): Promise<Libvirtd> {
  const env = options.env ?? process.env;
  const external = env.SHADOWGRID_LIBVIRT_URI;
  if (external) {
    return {
      uri: external,
      origin: 'external',
      pid: undefined,
      running: async () => true,
      stop: async () => [],
    };
  }
  if (process.getuid?.() !== 0) throw new LibvirtNeedsRoot();
  const place = { ...options, ...paths(options) };
  checkSocketPath(place.socket);

  const running = await findDaemon(place.pidFile, 'libvirtd');
  if (running !== undefined && (await answers(place.uri))) return handle(place, 'adopted', running);
  const installed = await runCommand('libvirtd', ['--version'], { check: false, timeoutMs: 10_000 });
  if (installed.status !== 0) throw new LibvirtMissing(LIBVIRT_PACKAGES);

  options.onProgress?.('starting libvirtd');
  let started = false;
  const pid = await pollUntil(async () => {
    const found = await findDaemon(place.pidFile, 'libvirtd');
    if (found !== undefined) return (await answers(place.uri)) ? found : undefined;
    // Only now is it certain that none runs: one that was just killed is still seen for a moment.
    if (!started) await start(place);
    started = true;
    return undefined;
  }, options.readyMs ?? 60_000);
  if (pid === undefined)
    throw new LibvirtNotReady(`did not answer: ${await lastLine(place.logFile)}`, place.logFile);
  return handle(place, started ? 'started' : 'adopted', pid);
}

type Place = LibvirtdOptions & ReturnType<typeof paths>;

function paths({ runDir, stateDir }: LibvirtdOptions) {
  const socket = join(runDir, 'libvirt', 'libvirt-sock');
  return {
    socket,
    uri: `qemu:///system?socket=${socket}`,
    pidFile: join(runDir, 'libvirtd.pid'),
    logFile: join(stateDir, 'log', 'start.log'),
  };
}

function checkSocketPath(socket: string): void {
  if (socket.length <= 100) return;
  throw new LibvirtNotReady(
    `cannot use a socket path of ${socket.length} characters: ${socket}`,
    'runDir, it is too long',
  );
}

async function start(place: Place): Promise<void> {
  const [command = '', ...args] = await prepareLibvirtd(place);
  await startDetached(command, args, { logFile: place.logFile });
}

/** Whether the daemon behind `uri` answers; none is started for it. */
export async function answers(uri: string): Promise<boolean> {
  const env = { LIBVIRT_AUTOSTART: '0' };
  const options = { check: false, timeoutMs: 5000, env };
  const result = await runCommand('virsh', ['-q', '-c', uri, 'version'], options);
  return result.status === 0;
}

function handle(place: Place, origin: 'adopted' | 'started', pid: number): Libvirtd {
  return {
    uri: place.uri,
    origin,
    pid,
    running: () => isRunning(pid, 'libvirtd'),
    async stop() {
      const list = ['-q', '-c', place.uri, 'list', '--name'];
      const { stdout } = await runCommand('virsh', list, { check: false, timeoutMs: 10_000 });
      const guests = stdout.split('\n').filter((name) => name !== '');
      if (guests.length > 0) return guests;
      await endProcess(pid, 'libvirtd', 15_000);
      await rm(join(place.runDir, 'libvirt'), { recursive: true, force: true });
      await rm(place.pidFile, { force: true });
      return [];
    },
  };
}

async function lastLine(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trim().split('\n').at(-1) || 'it said nothing';
}
