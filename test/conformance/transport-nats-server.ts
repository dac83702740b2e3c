/** A real nats-server for conformance tests: its own port and store, killed and started again at will. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureNatsServer, type NatsServerBinary, startNatsServer } from '../../deploy/nats/mod.ts';
import { until } from '../support/until.ts';

export interface TestServer {
  readonly url: string;
  /** SIGKILL, and wait until it is gone. */
  kill(): Promise<void>;
  /** On the same port and store; default: the same binary. */
  restart(binary?: NatsServerBinary): Promise<void>;
  stop(): Promise<void>;
}

/** Default: the newest obtainable. */
export async function startTestServer(binary?: NatsServerBinary): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'shadowgrid-nats-'));
  const options = {
    binary: binary ?? (await ensureNatsServer()),
    storeDir: join(folder, 'store'),
    runDir: join(folder, 'run'),
  };
  let server = await startNatsServer(options);
  const { url, port } = server;
  return {
    url,
    kill: async () => {
      process.kill(server.pid, 'SIGKILL');
      await until(() => !isAlive(server.pid));
    },
    restart: async (other = options.binary) => {
      server = await startNatsServer({ ...options, binary: other, port });
    },
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
