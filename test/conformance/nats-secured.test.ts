/** A secured NATS: each role can do what it must, and is refused the rest. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forecastSubject, telemetrySubject } from '../../actors/allocator/mod.ts';
import { directiveSubject, noteSubject } from '../../actors/grid/mod.ts';
import {
  actorSubject,
  addressOf,
  type KeyValue,
  type Mux,
  type NatsTransport,
  natsCommandLog,
  natsKeyValue,
  type PermissionDenied,
} from '../../runtime/mod.ts';
import { until } from '../support/until.ts';
import { collect, command } from './commands-collect.ts';
import { type SecuredServers, startSecured } from './nats-secured-server.ts';

type Connected = { readonly transport: NatsTransport; readonly mux: Mux };
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array | undefined) => data && new TextDecoder().decode(data);
const USERS = ['grid', 'host-agent', 'telemetry', 'client', 'operator', 'alice'] as const;

describe('roles', () => {
  let servers: SecuredServers;
  let jobs: KeyValue;
  const users = {} as Record<(typeof USERS)[number], Connected>;
  const denied: { user: string; denial: PermissionDenied }[] = [];

  beforeAll(async () => {
    servers = await startSecured({ users: [{ name: 'alice', role: 'client' }] });
    for (const user of USERS) {
      users[user] = await servers.connect(user);
      users[user].transport.onDenied((denial) => denied.push({ user, denial }));
    }
    jobs = await natsKeyValue(users.grid.transport, { bucket: 'shadowgrid-actors' });
    const { mux } = users.grid;
    mux.serve('shadowgrid.job.list', () => ({ jobs: [] }), { queue: 'shadowgrid.gateway' });
    mux.serveStream(
      'shadowgrid.job.watch',
      async function* (_, { signal }) {
        for (let i = 0; !signal.aborted; i++) {
          yield i;
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        ended();
      },
      { queue: 'shadowgrid.gateway' },
    );
    await users.grid.transport.flush();
  });
  let ended = () => {};
  afterAll(() => servers.stop());

  /** What of `subject` reaches `user`, once the subscription stands. */
  async function listen(user: (typeof USERS)[number], subject: string): Promise<string[]> {
    const heard: string[] = [];
    users[user].transport.subscribe(subject, ({ data }) => heard.push(text(data) ?? ''));
    await users[user].transport.flush();
    return heard;
  }

  it('lets the grid keep its buckets', async () => {
    const outputs = await natsKeyValue(users.grid.transport, { bucket: 'shadowgrid-outputs' });
    await outputs.put('a', bytes('x'));
    const revision = await jobs.create('actor.job.a', bytes('1'));
    await jobs.update('actor.job.a', bytes('2'), revision);
    await Promise.all([1, 2, 3].map((i) => jobs.put(`actor.job.b${i}`, bytes('b'))));
    const seen: string[] = [];
    const watch = await jobs.watch('actor.job.*', ({ key, operation }) => seen.push(`${operation} ${key}`));
    await jobs.delete('actor.job.b1');
    await until(() => seen.includes('delete actor.job.b1'));
    watch.stop();
    expect((await jobs.keys('actor.job.*')).sort()).toEqual(['actor.job.a', 'actor.job.b2', 'actor.job.b3']);
    expect(text((await jobs.entries('actor.job.a'))[0]?.value)).toBe('2');
  });

  it('lets the grid keep commands and dead letters', async () => {
    const log = await natsCommandLog(users.grid.transport, { partitions: 1 });
    await log.append(command('a', 'first'));
    await log.append(command('a', 'second'));
    const at = Date.now() + 3_600_000;
    const later = { ...command('a', 'third'), at };
    await log.append(later);
    expect(await log.cancel(later)).toBe(true);
    await log.append({ ...later, at: at - 3_599_500 });
    const reader = await collect(log, 0);
    await until(() => reader.taken.length === 3);
    const [first, second] = reader.taken;
    await first!.settle();
    const error = { code: 'bad', message: 'it is bad' };
    await log.bury({ command: second!, error, attempts: 1, firstAt: 1, lastAt: 1 });
    await reader.close();
    expect((await log.deadLetters()).letters).toMatchObject([{ seq: 1, error, command: { id: 'second' } }]);
    await log.removeDeadLetter(1);
    expect(await log.deadLetter(1)).toBeUndefined();
  });

  it('lets clients and operators use the job API, its streams too', async () => {
    for (const user of ['client', 'alice', 'operator'] as const) {
      expect(await users[user].mux.request('shadowgrid.job.list', {})).toEqual({ jobs: [] });
      const cancelled = new Promise<void>((resolve) => {
        ended = resolve;
      });
      const items: unknown[] = [];
      for await (const item of users[user].mux.requestStream('shadowgrid.job.watch', {})) {
        items.push(item);
        if (items.length === 20) break;
      }
      expect(items).toEqual(Array.from({ length: 20 }, (_, i) => i));
      // That the client has left is told by a message to an inbox of the grid's: a response to its items.
      await cancelled;
    }
  });

  it('lets telemetry go from a host to a forecaster, and forecasts from there to the grid', async () => {
    const samples = await listen('telemetry', telemetrySubject('*'));
    const forecasts = await listen('grid', forecastSubject('*'));
    const shown = await listen('operator', forecastSubject('*'));
    users['host-agent'].transport.publish(telemetrySubject('h1'), bytes('sample'));
    users.telemetry.transport.publish(forecastSubject('h1'), bytes('forecast'));
    await until(() => samples.length > 0 && forecasts.length > 0 && shown.length > 0);
    expect([samples, forecasts, shown]).toEqual([['sample'], ['forecast'], ['forecast']]);
  });

  it('lets a host agent and the grid speak to each other', async () => {
    const settled = await listen('grid', directiveSubject('*'));
    const noted = await listen('operator', noteSubject('*'));
    users['host-agent'].transport.publish(directiveSubject('h1'), bytes('done'));
    users['host-agent'].transport.publish(noteSubject('job-1'), bytes('note'));
    const host = actorSubject(addressOf('host', 'h1'), 'pin');
    const router = actorSubject(addressOf('router', 'main'), '7');
    users['host-agent'].mux.serve(host, () => ({ from: 'host' }));
    users['host-agent'].mux.serve('shadowgrid.host.h1.output', () => ({ output: '' }));
    users.grid.mux.serve(router, () => ({ from: 'router' }));
    await Promise.all([users.grid.transport.flush(), users['host-agent'].transport.flush()]);
    expect(await users.grid.mux.request(host, {})).toEqual({ from: 'host' });
    expect(await users.grid.mux.request('shadowgrid.host.h1.output', {})).toEqual({ output: '' });
    expect(await users['host-agent'].mux.request(router, {})).toEqual({ from: 'router' });
    await until(() => settled.length > 0 && noted.length > 0);
  });

  it('lets an operator inspect nodes and speak to actors', async () => {
    users.grid.mux.serve('shadowgrid.deadletters.list', () => ({ letters: [] }));
    users.grid.mux.serve('shadowgrid.inspect.nodes', () => ({ node: 'a' }));
    users.grid.mux.serve('shadowgrid.inspect.a.actors', () => ({ actors: [] }));
    users.grid.mux.serve(actorSubject(addressOf('job', 'j'), '7'), () => ({ from: 'job' }));
    users.grid.mux.serve('shadowgrid.watch.job.7.j', () => ({ token: 't' }));
    users['host-agent'].mux.serve('shadowgrid.watch.host.*.*', () => ({ token: 'h' }));
    await users['host-agent'].transport.flush();
    await users.grid.transport.flush();
    const { mux } = users.operator;
    expect(await mux.request('shadowgrid.inspect.nodes', {})).toEqual({ node: 'a' });
    expect(await mux.request('shadowgrid.deadletters.list', {})).toEqual({ letters: [] });
    expect(await mux.request('shadowgrid.inspect.a.actors', {})).toEqual({ actors: [] });
    expect(await mux.request(actorSubject(addressOf('job', 'j'), '7'), {})).toEqual({ from: 'job' });
    expect(await mux.request('shadowgrid.watch.job.7.j', {})).toEqual({ token: 't' });
    expect(await mux.request('shadowgrid.watch.host.pin.h1', {})).toEqual({ token: 'h' });
  });

  it('refused nothing of that', () => {
    expect(denied).toEqual([]);
  });

  const KV = '$KV.shadowgrid-actors.actor.job.a';
  const READ = '$JS.API.STREAM.MSG.GET.KV_shadowgrid-actors';
  it.each<[(typeof USERS)[number], 'publish' | 'subscribe', string]>([
    ['client', 'subscribe', '_INBOX_alice.>'],
    ['client', 'subscribe', '_INBOX_grid.>'],
    ['client', 'subscribe', '_INBOX.>'],
    ['client', 'subscribe', '>'],
    ['client', 'subscribe', 'shadowgrid.job.submit'],
    ['client', 'subscribe', telemetrySubject('*')],
    ['client', 'publish', '_INBOX_alice.guessed.1'],
    ['client', 'publish', telemetrySubject('h1')],
    ['client', 'publish', actorSubject(addressOf('job', 'j'), '7')],
    ['client', 'publish', 'shadowgrid.watch.job.7.j'],
    ['client', 'publish', KV],
    ['client', 'publish', READ],
    ['client', 'publish', 'shadowgrid.command.0.job.j'],
    ['client', 'publish', 'shadowgrid.deadletters.list'],
    ['operator', 'publish', 'shadowgrid.command.0.job.j'],
    ['host-agent', 'publish', 'shadowgrid.dead-letter.job.j'],
    ['grid', 'publish', '$JS.API.STREAM.PURGE.shadowgrid-commands'],
    ['telemetry', 'publish', telemetrySubject('h1')],
    ['telemetry', 'publish', directiveSubject('h1')],
    ['telemetry', 'publish', 'shadowgrid.job.submit'],
    ['telemetry', 'subscribe', noteSubject('*')],
    ['telemetry', 'publish', READ],
    ['host-agent', 'publish', forecastSubject('h1')],
    ['host-agent', 'publish', 'shadowgrid.job.submit'],
    ['host-agent', 'publish', KV],
    ['host-agent', 'subscribe', actorSubject(addressOf('job', 'j'), '7')],
    ['host-agent', 'subscribe', 'shadowgrid.watch.job.*.*'],
    ['host-agent', 'subscribe', 'shadowgrid.job.submit'],
    ['operator', 'publish', telemetrySubject('h1')],
    ['operator', 'publish', KV],
    ['operator', 'publish', '$JS.API.STREAM.DELETE.KV_shadowgrid-actors'],
    ['operator', 'publish', '$JS.API.INFO'],
    ['operator', 'subscribe', '_INBOX_client.>'],
    ['grid', 'publish', '$JS.API.STREAM.DELETE.KV_shadowgrid-actors'],
    ['grid', 'publish', '$JS.API.STREAM.CREATE.mine'],
    ['grid', 'subscribe', '_INBOX_client.>'],
    ['grid', 'subscribe', '$KV.shadowgrid-actors.>'],
  ])('refuses %s to %s to %s', async (user, operation, subject) => {
    const { transport } = users[user];
    denied.length = 0;
    const before = transport.denials;
    if (operation === 'publish') transport.publish(subject, bytes('{}'));
    else transport.subscribe(subject, () => {});
    await until(() => denied.length > 0);
    expect(denied).toEqual([
      { user, denial: expect.objectContaining({ code: 'permission-denied', operation, subject }) },
    ]);
    expect(transport.denials).toBe(before + 1);
    // The connection goes on.
    await transport.flush();
    expect(transport.status).toBe('connected');
  });

  it('refuses who is not the grid a bucket, with the cause', async () => {
    const opening = natsKeyValue(users.client.transport, { bucket: 'shadowgrid-actors' });
    await expect(opening).rejects.toMatchObject({ code: 'store-unavailable' });
    await expect(opening).rejects.toThrow(/permissions violation/i);
  });

  it('does not let a client write a bucket by having the grid answer there', async () => {
    const before = await jobs.get('actor.job.a');
    users.client.transport.publish('shadowgrid.job.list', bytes('{}'), { reply: KV });
    await users.client.mux.request('shadowgrid.job.list', {});
    await users.grid.transport.flush();
    expect(await jobs.get('actor.job.a')).toEqual(before);
  });
});
