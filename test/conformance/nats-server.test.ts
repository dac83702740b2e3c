/** A real nats-server: started, adopted, killed, restarted, refused. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  ensureNatsServer,
  type NatsServer,
  type NatsServerBinary,
  startNatsServer,
} from '../../deploy/nats/mod.ts';
import { isRunning } from '../../deploy/setup/process/mod.ts';
import { until } from '../support/until.ts';

let binary: NatsServerBinary;
let folder: string;
const servers: NatsServer[] = [];

beforeAll(async () => {
  binary = await ensureNatsServer();
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shadowgrid-nats-test-'));
  return async () => {
    for (const server of servers.splice(0)) await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
});

afterAll(() => {
  expect(servers).toEqual([]);
});

async function start(port?: number): Promise<NatsServer> {
  const server = await startNatsServer({
    binary,
    storeDir: join(folder, 'store'),
    runDir: join(folder, 'run'),
    ...(port !== undefined && { port }),
  });
  servers.push(server);
  return server;
}

it('is found from the cache without delay', async () => {
  const began = performance.now();
  expect(await ensureNatsServer()).toEqual(binary);
  expect(performance.now() - began).toBeLessThan(1000);
});

it('starts, and is adopted by whoever comes next', async () => {
  const first = await start();
  const second = await start();
  expect(first.adopted).toBe(false);
  expect(second).toMatchObject({ adopted: true, pid: first.pid, url: first.url, version: binary.version });
});

it('has after SIGKILL what it acknowledged before, on the same port', async () => {
  const first = await start();
  let connection = await connect({ servers: first.url });
  await (await jetstreamManager(connection)).streams.add({ name: 'S', subjects: ['s.>'] });
  for (let i = 0; i < 20; i++) await jetstream(connection).publish('s.x', String(i));
  process.kill(first.pid, 'SIGKILL');
  await connection.close();

  const second = await start();
  expect(second.adopted).toBe(false);
  expect(second.port).toBe(first.port);
  connection = await connect({ servers: second.url });
  const { state } = await (await jetstreamManager(connection)).streams.info('S');
  expect(state.messages).toBe(20);
  await connection.close();
});

it('is not started a second time beside one that has stopped answering', async () => {
  const first = await start();
  process.kill(first.pid, 'SIGSTOP');
  // The signal is sent; all its threads have stopped a little later.
  await until(async () => /\) T /.test(await readFile(`/proc/${first.pid}/stat`, 'utf8')));
  const second = startNatsServer({
    binary,
    storeDir: join(folder, 'store'),
    runDir: join(folder, 'run'),
    readyMs: 300,
  });
  await expect(second).rejects.toMatchObject({ code: 'nats-server-not-ready' });
  process.kill(first.pid, 'SIGCONT');
  expect(await start()).toMatchObject({ adopted: true, pid: first.pid });
});

it('does not adopt a stranger whose pid stands in the pid file', async () => {
  const first = await start();
  await first.stop();
  await writeFile(join(folder, 'run', 'nats-server.pid'), String(process.pid));
  const second = await start();
  expect(second.adopted).toBe(false);
});

it('says that a port is taken', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const address = holder.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await expect(start(port)).rejects.toMatchObject({ code: 'nats-port-taken', field: 'port' });
  await new Promise((resolve) => holder.close(resolve));
});

it('moves to another port when the last one is taken meanwhile and any port will do', async () => {
  const first = await start();
  await first.stop();
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(first.port, '127.0.0.1', resolve));
  const second = await start();
  expect(second.port).not.toBe(first.port);
  await new Promise((resolve) => holder.close(resolve));
});

it('says that the binary named does not run', async () => {
  const env = { SHADOWGRID_NATS_SERVER: '/nowhere/nats-server' };
  await expect(ensureNatsServer({ env })).rejects.toMatchObject({ code: 'nats-server-missing' });
  const missing = { path: '/nowhere/nats-server', version: '2.15.1' };
  const starting = startNatsServer({
    binary: missing,
    storeDir: join(folder, 's'),
    runDir: join(folder, 'r'),
  });
  await expect(starting).rejects.toMatchObject({ code: 'nats-server-missing' });
});

it('says why a server ended', async () => {
  await writeFile(join(folder, 'file'), '');
  const starting = startNatsServer({
    binary,
    storeDir: join(folder, 'file', 'x'),
    runDir: join(folder, 'run'),
  });
  await expect(starting).rejects.toThrow();
});

it('leaves nothing behind when it is stopped', async () => {
  const server = await start();
  await server.stop();
  expect(await isRunning(server.pid, 'nats-server')).toBe(false);
});
