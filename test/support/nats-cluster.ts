/** Three nats-servers of one cluster, each a process: killed, frozen, ended and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { ensureNatsServer } from '../../deploy/nats/mod.ts';

const SERVERS = 3;

export interface NatsClusterOptions {
  /** Of all streams of a server. Default: what the disk has. */
  readonly maxStoreBytes?: number;
}

interface Server {
  readonly folder: string;
  child: ChildProcess | undefined;
}

export class NatsCluster implements AsyncDisposable {
  /** Of its servers, for clients. */
  readonly urls: readonly string[];
  readonly #binary: string;
  readonly #servers: readonly Server[];
  readonly #killAll = () => {
    for (const server of this.#servers) signal(server, 'SIGKILL');
  };

  private constructor(binary: string, urls: readonly string[], folders: readonly string[]) {
    this.urls = urls;
    this.#binary = binary;
    this.#servers = folders.map((folder) => ({ folder, child: undefined }));
    process.on('exit', this.#killAll);
  }

  /** Each with `server-NUMBER/store` and `server-NUMBER/log` below `folder`. Resolves once their processes are there. */
  static async start(folder: string, { maxStoreBytes }: NatsClusterOptions = {}): Promise<NatsCluster> {
    const { path } = await ensureNatsServer();
    const ports = await freePorts(2 * SERVERS);
    const routes = ports.slice(SERVERS).map((port) => `nats://127.0.0.1:${port}`);
    const folders: string[] = [];
    for (let i = 0; i < SERVERS; i++) {
      const own = join(folder, `server-${i + 1}`);
      await mkdir(own, { recursive: true });
      const others = routes.filter((_, other) => other !== i);
      const text = configuration({
        number: i + 1,
        port: ports[i] ?? 0,
        clusterPort: ports[SERVERS + i] ?? 0,
        others,
        maxStoreBytes,
      });
      await writeFile(join(own, 'nats-server.conf'), text);
      folders.push(own);
    }
    const urls = ports.slice(0, SERVERS).map((port) => `nats://127.0.0.1:${port}`);
    const cluster = new NatsCluster(path, urls, folders);
    for (let i = 0; i < SERVERS; i++) cluster.start(i);
    return cluster;
  }

  start(index: number): void {
    const server = this.#server(index);
    const { folder: cwd } = server;
    const log = openSync(join(cwd, 'log'), 'a');
    server.child = spawn(this.#binary, ['-c', 'nats-server.conf'], {
      cwd,
      stdio: ['ignore', log, log],
      // A terminal's Ctrl-C must not reach it.
      detached: true,
    });
    closeSync(log);
  }

  /** SIGKILL or SIGTERM. Resolves when the process is gone. */
  async end(index: number, how: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const server = this.#server(index);
    if (!isThere(server)) return;
    const gone = new Promise((resolve) => server.child?.once('exit', resolve));
    signal(server, how);
    await gone;
  }

  freeze(index: number): void {
    signal(this.#server(index), 'SIGSTOP');
  }

  thaw(index: number): void {
    signal(this.#server(index), 'SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#servers.map((_, index) => this.end(index, 'SIGKILL')));
    process.off('exit', this.#killAll);
  }

  #server(index: number): Server {
    const server = this.#servers[index];
    if (server === undefined) throw new RangeError(`there is no server ${index}`);
    return server;
  }
}

function isThere({ child }: Server): boolean {
  return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/** Not `child.kill`, which on Deno 2.9 waits for a process that is stopped. */
function signal(server: Server, how: NodeJS.Signals): void {
  if (isThere(server)) process.kill(server.child!.pid!, how);
}

interface Configuration {
  readonly number: number;
  readonly port: number;
  readonly clusterPort: number;
  readonly others: readonly string[];
  readonly maxStoreBytes: number | undefined;
}

/** As deploy/nats has it, and in a cluster. */
function configuration({ number, port, clusterPort, others, maxStoreBytes }: Configuration): string {
  return `server_name: "test-${number}"
host: "127.0.0.1"
port: ${port}
max_payload: 1048576
jetstream {
  store_dir: "store"
  sync_interval: always
${maxStoreBytes === undefined ? '' : `  max_file_store: ${maxStoreBytes}\n`}}
cluster {
  name: "test"
  host: "127.0.0.1"
  port: ${clusterPort}
  routes: [${others.map((url) => JSON.stringify(url)).join(', ')}]
}
`;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ports.push((server.address() as AddressInfo).port);
  }
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return ports;
}
