/** Keys and certificates of a secured NATS: who is let in, what a second run keeps, how they are changed. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readNatsCredentials, writeSecuredNats } from '../../deploy/nats/secured/mod.ts';
import { connectNats, type Mux, type NatsTransport } from '../../runtime/mod.ts';
import { until } from '../support/until.ts';
import { type SecuredServers, startSecured } from './nats-secured-server.ts';

let servers: SecuredServers;
let grid: { readonly transport: NatsTransport; readonly mux: Mux };

beforeAll(async () => {
  servers = await startSecured({ users: [{ name: 'alice', role: 'client' }] });
  grid = await servers.connect('grid');
  grid.mux.serve('shadowgrid.job.list', () => ({ jobs: [] }), { queue: 'shadowgrid.gateway' });
});
afterAll(() => servers.stop());

it('refuses who has no key, a foreign key, or does not trust the authority', async () => {
  const nats = await readNatsCredentials(join(servers.folder, 'users/client.json'));
  const { user, ...nobody } = nats;
  const foreign = await readFile(join(servers.folder, 'users/client.json'), 'utf8');
  const other = await startSecured();
  const seed = JSON.parse(await readFile(join(other.folder, 'users/client.json'), 'utf8')).seed;
  const path = join(other.folder, 'foreign.json');
  await writeFile(path, JSON.stringify({ ...JSON.parse(foreign), seed }));
  for (const options of [
    { ...nobody, connection: { tls: { ca: user!.authority } } },
    await readNatsCredentials(path),
    { ...nats, connection: { tls: {} } },
    { ...nats, connection: { tls: undefined } },
  ]) {
    await expect(connectNats(options)).rejects.toMatchObject({ code: 'transport-unreachable' });
  }
  await other.stop();
});

it('keeps every key when it is written again, and takes in a further user', async () => {
  const secrets = [
    'authority/ca-key.pem',
    'server-1/server-key.pem',
    'server-1/server.pem',
    'users/grid.json',
  ];
  const read = () => Promise.all(secrets.map((path) => readFile(join(servers.folder, path), 'utf8')));
  const before = await read();
  const again = await writeSecuredNats(servers.options);
  expect(again.every(({ outcome }) => outcome === 'kept')).toBe(true);
  const more = await writeSecuredNats({ ...servers.options, users: [{ name: 'bob', role: 'client' }] });
  expect(more.filter(({ outcome }) => outcome !== 'kept')).toEqual([
    { path: 'users/bob.json', outcome: 'new' },
    { path: 'server-1/nats-server.conf', outcome: 'written' },
  ]);
  expect(await read()).toEqual(before);
  for (const path of [...secrets, 'server-1/nats-server.conf', 'users/bob.json']) {
    expect((await stat(join(servers.folder, path))).mode & 0o777).toBe(0o600);
  }
  for (const path of ['', 'authority', 'server-1', 'users']) {
    expect((await stat(join(servers.folder, path))).mode & 0o777).toBe(0o700);
  }
  await servers.kill(1);
  servers.start(1);
  const bob = await servers.connect('bob');
  await until(() => grid.transport.status === 'connected');
  expect(await bob.mux.request('shadowgrid.job.list', {})).toEqual({ jobs: [] });
});

it('suspends whom the server does not know for a while, and takes them back', async () => {
  const { transport } = await servers.connect('telemetry');
  const path = join(servers.folder, 'server-1/nats-server.conf');
  const known = await readFile(path, 'utf8');
  const seen: string[] = [];
  transport.onStatus((status) => seen.push(status));
  // The first refusal is an attempt, the second is what clients give up at.
  let refusals = 0;
  const counting = (async () => {
    for await (const event of transport.connection.status()) if (event.type === 'error') refusals += 1;
  })();
  await writeFile(path, known.replace(/ {4}# telemetry: telemetry\n {4}\{[\s\S]*?\n {4}\}\n/, ''));
  await servers.kill(1);
  servers.start(1);
  await until(() => refusals > 2, 20_000);
  expect(seen).toEqual(['suspended']);
  await writeFile(path, known);
  await servers.kill(1);
  servers.start(1);
  await until(() => seen.length > 1, 20_000);
  expect(seen).toEqual(['suspended', 'connected']);
  await transport.close();
  await counting;
});

it('renews a certificate for a new name and before it ends, under the same key', async () => {
  const key = await readFile(join(servers.folder, 'server-1/server-key.pem'), 'utf8');
  const renewed = { path: 'server-1/server.pem', outcome: 'renewed' };
  const named = { ...servers.options, hosts: ['grid.example'] };
  expect(await writeSecuredNats(named)).toContainEqual(renewed);
  const late = { ...named, now: Date.now() + 800 * 86_400_000 };
  expect(await writeSecuredNats(late)).toContainEqual(renewed);
  expect(await readFile(join(servers.folder, 'server-1/server-key.pem'), 'utf8')).toBe(key);
});

it('changes nothing when a file of an earlier run is damaged', async () => {
  const path = join(servers.folder, 'users/alice.json');
  const configuration = () => readFile(join(servers.folder, 'server-1/nats-server.conf'), 'utf8');
  const before = await configuration();
  await writeFile(path, '{"seed": "SU');
  const writing = writeSecuredNats({ ...servers.options, users: [{ name: 'carol', role: 'client' }] });
  await expect(writing).rejects.toMatchObject({ code: 'nats-file-unusable' });
  expect(await readFile(path, 'utf8')).toBe('{"seed": "SU');
  expect(await configuration()).toBe(before);
});
