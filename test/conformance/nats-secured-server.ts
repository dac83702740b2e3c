/** Real nats-servers with the configurations that `writeSecuredNats` makes: on loopback, killed and started at will. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureNatsServer } from '../../deploy/nats/mod.ts';
import {
  readNatsCredentials,
  type SecuredNatsOptions,
  writeSecuredNats,
} from '../../deploy/nats/secured/mod.ts';
import { connectNats, createMux, type Mux, type NatsTransport } from '../../runtime/mod.ts';
import { until } from '../support/until.ts';

export interface SecuredServers {
  readonly folder: string;
  /** What the folder was made with. */
  readonly options: SecuredNatsOptions;
  /** Server 1, 2 or 3; its folder has its log. */
  start(number: number): void;
  /** SIGKILL, and wait until it is gone. */
  kill(number: number): Promise<void>;
  connect(user: string): Promise<{ readonly transport: NatsTransport; readonly mux: Mux }>;
  stop(): Promise<void>;
}

export async function startSecured(
  more: Partial<Pick<SecuredNatsOptions, 'nodes' | 'users'>> = {},
  write: (options: SecuredNatsOptions) => Promise<unknown> = writeSecuredNats,
): Promise<SecuredServers> {
  const binary = await ensureNatsServer();
  const folder = await mkdtemp(join(tmpdir(), 'shadowgrid-secured-'));
  const port = await freePorts(6);
  const { version: serverVersion } = binary;
  const options = { folder, port, clusterPort: port + 3, serverVersion, now: Date.now(), ...more };
  await write(options);

  const children = new Map<number, ChildProcess>();
  const opened: AsyncDisposable[] = [];
  const start = (number: number) => {
    const cwd = join(folder, `server-${number}`);
    const log = openSync(join(cwd, 'log'), 'a');
    children.set(
      number,
      spawn(binary.path, ['-c', 'nats-server.conf'], { cwd, stdio: ['ignore', log, log] }),
    );
    closeSync(log);
  };
  const kill = async (number: number) => {
    const child = children.get(number);
    child?.kill('SIGKILL');
    await until(() => child === undefined || child.exitCode !== null || child.signalCode !== null);
    children.delete(number);
  };
  for (let number = 1; number <= (options.nodes ?? 1); number++) start(number);
  return {
    folder,
    options,
    start,
    kill,
    connect: async (user) => {
      const nats = await readNatsCredentials(join(folder, 'users', `${user}.json`));
      const transport = await until(() => connectNats(nats).catch(() => undefined), 15_000);
      const mux = createMux(transport);
      opened.push(mux, transport);
      return { transport, mux };
    },
    stop: async () => {
      for (const thing of opened) await thing[Symbol.asyncDispose]();
      for (const number of [...children.keys()]) await kill(number);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The first of `count` ports in a row, below those that systems hand out. */
async function freePorts(count: number): Promise<number> {
  return await until(async () => {
    const first = 20_000 + Math.floor(Math.random() * 10_000);
    for (let port = first; port < first + count; port++) if (!(await isFree(port))) return undefined;
    return first;
  });
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
