/** A secured cluster of three: it outlives the leader of a bucket, and takes in no stranger. */
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { natsKeyValue } from '../../runtime/mod.ts';
import { until } from '../support/until.ts';
import { type SecuredServers, startSecured } from './nats-secured-server.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array | undefined) => data && new TextDecoder().decode(data);

describe('a cluster of three', () => {
  let servers: SecuredServers;
  beforeAll(async () => {
    servers = await startSecured({ nodes: 3 });
  });
  afterAll(() => servers.stop());

  it('loses no acknowledged write when the leader of a bucket is killed', async () => {
    const { transport } = await servers.connect('grid');
    const options = { bucket: 'shadowgrid-actors', replicas: 3 };
    const bucket = await until(() => natsKeyValue(transport, options).catch(() => undefined), 30_000);
    const manager = await jetstreamManager(transport.connection);
    const cluster = async () => (await manager.streams.info('KV_shadowgrid-actors')).cluster;
    const leader = Number((await cluster())?.leader?.replace('shadowgrid-', ''));
    expect((await cluster())?.replicas).toHaveLength(2);

    const acknowledged: string[] = [];
    let writing = true;
    const writers = [0, 1, 2, 3].map(async (writer) => {
      for (let i = 0; writing; i++) {
        const key = `actor.job.w${writer}-${i}`;
        await bucket.create(key, bytes(key)).then(
          () => acknowledged.push(key),
          // Not acknowledged: it may be stored or not.
          () => new Promise((resolve) => setTimeout(resolve, 20)),
        );
      }
    });
    await until(() => acknowledged.length >= 200);
    await servers.kill(leader);
    const before = acknowledged.length;
    await until(() => acknowledged.length >= before + 200, 60_000);
    servers.start(leader);
    await until(() => acknowledged.length >= before + 400, 60_000);
    writing = false;
    await Promise.all(writers);

    const inSync = async () => (await cluster())?.replicas?.every(({ current }) => current) === true;
    await until(() => inSync().catch(() => false), 30_000);
    // Not `entries`: its consumer may live on a server that has not applied the last writes yet.
    const lost: string[] = [];
    for (const key of acknowledged) if (text((await bucket.get(key))?.value) !== key) lost.push(key);
    expect(lost).toEqual([]);
  });

  it('takes in no server with a certificate of another authority', async () => {
    const stranger = await startSecured({ nodes: 3 });
    try {
      await stranger.kill(1);
      const folder = join(stranger.folder, 'server-1');
      // It trusts ours; ours must not trust it.
      await copyFile(join(servers.folder, 'server-1/ca.pem'), join(folder, 'ca.pem'));
      const path = join(folder, 'nats-server.conf');
      const route = `routes: ["tls://127.0.0.1:${servers.options.clusterPort}"]`;
      await writeFile(path, (await readFile(path, 'utf8')).replace(/routes: .*/, route));
      stranger.start(1);
      const log = join(servers.folder, 'server-1/log');
      await until(async () => /route handshake.*unknown authority/.test(await readFile(log, 'utf8')));
      const { transport } = await servers.connect('grid');
      expect(transport.connection.info?.connect_urls).toHaveLength(3);
    } finally {
      await stranger.stop();
    }
  });
});
