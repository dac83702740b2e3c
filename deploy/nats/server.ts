/** Starts a nats-server that outlives us, or adopts the one that an earlier run of ours left. */
import { mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { endProcess, findDaemon, isRunning, pollUntil, startDetached } from '../setup/process/mod.ts';
import type { NatsServerBinary } from './binary.ts';
import { natsConfiguration, natsPaths } from './configuration.ts';
import { NatsPortTaken, NatsServerMissing, NatsServerNotReady } from './errors.ts';
import { type NatsFeatures, natsFeatures } from './features.ts';
import { readGreeting } from './greeting.ts';

const READY_MS = 15_000;

export interface StartNatsServerOptions {
  readonly binary: NatsServerBinary;
  /** Where JetStream keeps its streams. */
  readonly storeDir: string;
  /** Configuration, pid file, ports file and log; one server a folder. */
  readonly runDir: string;
  /** Default `random`: the port of the last run in this folder if it is free, else any. */
  readonly port?: number | 'random';
  /** Default `shadowgrid`. */
  readonly serverName?: string;
  /** How long the start may take; default 15 s (recovering large streams takes seconds). */
  readonly readyMs?: number;
}

export interface NatsServer {
  /** `nats://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  readonly version: string;
  readonly pid: number;
  /** It ran already. */
  readonly adopted: boolean;
  readonly features: NatsFeatures;
  /** Whether its process is there. */
  running(): Promise<boolean>;
  /** Ends the server in an orderly way; idempotent. */
  stop(): Promise<void>;
}

export async function startNatsServer(options: StartNatsServerOptions): Promise<NatsServer> {
  const running = await adopt(options);
  if (running !== undefined) return handle(options, running, true);
  await mkdir(options.runDir, { recursive: true, mode: 0o700 });
  await mkdir(options.storeDir, { recursive: true, mode: 0o700 });
  if (typeof options.port === 'number') return start(options, options.port);

  const last = await lastPort(options.runDir);
  if (last === undefined) return start(options, -1);
  return start(options, last).catch((error: unknown) => {
    if (error instanceof NatsPortTaken) return start(options, -1);
    throw error;
  });
}

/** Never two servers on one store: one that runs and does not answer is waited for. */
async function adopt(options: StartNatsServerOptions): Promise<Running | undefined> {
  const { runDir, binary, readyMs = READY_MS } = options;
  const paths = natsPaths(runDir);
  const found = await pollUntil(async () => {
    const pid = await findDaemon(paths.pidFile, basename(binary.path));
    return pid === undefined ? 'none' : find(options);
  }, readyMs);
  if (found === undefined)
    throw new NatsServerNotReady(`runs but does not answer within ${readyMs} ms`, paths.logFile);
  return found === 'none' ? undefined : found;
}

interface Running {
  readonly pid: number;
  readonly port: number;
  readonly version: string;
}

/** The live server of runDir, if there is one and it answers. */
async function find({ binary, runDir }: StartNatsServerOptions): Promise<Running | undefined> {
  const paths = natsPaths(runDir);
  const name = basename(binary.path);
  const pid = await findDaemon(paths.pidFile, name);
  if (pid === undefined) return undefined;
  const ports = await readFile(paths.portsFile(pid, name), 'utf8').catch(() => '');
  const port = Number(/"nats:\/\/[^"]*:(\d+)"/.exec(ports)?.[1]);
  const greeting = Number.isInteger(port) ? await readGreeting(port) : undefined;
  return greeting && { pid, port, version: greeting.version };
}

async function start(options: StartNatsServerOptions, port: number): Promise<NatsServer> {
  const { binary, runDir, storeDir, serverName = 'shadowgrid', readyMs = READY_MS } = options;
  const paths = natsPaths(runDir);
  const { syncAlways } = natsFeatures(binary.version);
  const configuration = natsConfiguration({ port, storeDir, runDir, serverName, syncAlways });
  await writeFile(paths.configuration, configuration);
  // What an earlier server left would be taken for this one's.
  await rm(paths.pidFile, { force: true });
  const logged = await stat(paths.logFile).then(
    (file) => file.size,
    () => 0,
  );
  await startDetached(binary.path, ['-c', paths.configuration], { logFile: paths.logFile });

  const outcome = await pollUntil(async () => {
    const running = await find(options);
    if (running !== undefined) return running;
    return failure(await textFrom(paths.logFile, logged), port, options);
  }, readyMs);
  if (outcome === undefined)
    throw new NatsServerNotReady(`did not answer within ${readyMs} ms`, paths.logFile);
  if (outcome instanceof Error) throw outcome;
  await writeFile(paths.portFile, String(outcome.port));
  return handle(options, outcome, false);
}

/** What the server's log says about why it ended. */
function failure(log: string, port: number, { binary, runDir }: StartNatsServerOptions): Error | undefined {
  if (/address already in use/.test(log)) return new NatsPortTaken(port);
  if (/failed to execute|No such file|Permission denied/.test(log)) {
    return new NatsServerMissing(`${binary.path} cannot be run`);
  }
  const fatal = /\[FTL\] (.*)|^nats-server: (.*)/m.exec(log);
  const why = fatal?.[1] ?? fatal?.[2];
  return why === undefined ? undefined : new NatsServerNotReady(`ended: ${why}`, natsPaths(runDir).logFile);
}

function handle(options: StartNatsServerOptions, running: Running, adopted: boolean): NatsServer {
  const { pid, port, version } = running;
  const name = basename(options.binary.path);
  const paths = natsPaths(options.runDir);
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    version,
    pid,
    adopted,
    features: natsFeatures(version),
    running: () => isRunning(pid, name),
    async stop() {
      await endProcess(pid, name, 10_000);
      await rm(paths.pidFile, { force: true });
      await rm(paths.portsFile(pid, name), { force: true });
    },
  };
}

async function lastPort(runDir: string): Promise<number | undefined> {
  const port = Number(await readFile(natsPaths(runDir).portFile, 'utf8').catch(() => ''));
  return Number.isInteger(port) && port > 0 ? port : undefined;
}

async function textFrom(path: string, offset: number): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { size } = await file.stat();
    const buffer = new Uint8Array(Math.max(0, size - offset));
    await file.read(buffer, 0, buffer.byteLength, offset);
    return new TextDecoder().decode(buffer);
  } finally {
    await file.close();
  }
}
