/** Dead letters as people see them: asked over the bus, and by the command line on a real nats-server. */
import { expect, test } from 'vitest';
import {
  addressOf,
  type CommandLog,
  connectNats,
  createMux,
  DeadLetterClient,
  encodeEnvelope,
  MemoryBus,
  memoryCommandLog,
  natsCommandLog,
  serveDeadLetters,
} from '../../runtime/mod.ts';
import { shadowgrid } from '../support/command.ts';
import { until } from '../support/until.ts';
import { collect, textsOf } from './commands-collect.ts';
import { startTestServer } from './transport-nats-server.ts';

const error = { code: 'actor-failed', message: 'it\nthrew', hint: 'mend it' };

async function bury(log: CommandLog, kind: string, seq: number, body: Record<string, unknown>) {
  const to = addressOf(kind, 'a');
  const id = `${kind}-${seq}`;
  const data = encodeEnvelope({ v: 1, id, to, type: 'add', body, mode: 'tell' });
  const command = { log: 'x', seq, to, id, data };
  await log.bury({ command, error, attempts: 5, firstAt: 1_000, lastAt: 2_000 });
}

async function served() {
  const bus = new MemoryBus();
  const log = memoryCommandLog({ partitions: 1 });
  serveDeadLetters(createMux(bus.connect()), log);
  // Another node of the grid: one of them answers.
  serveDeadLetters(createMux(bus.connect()), log);
  const mux = createMux(bus.connect());
  return { log, mux, client: new DeadLetterClient(mux) };
}

test('are listed with reason and payload, page by page', async () => {
  const { log, client } = await served();
  for (let seq = 1; seq <= 250; seq++) await bury(log, seq === 7 ? 'host' : 'job', seq, { n: seq });
  const page = await client.page({ limit: 2 });
  expect(page).toMatchObject({ letters: [{ seq: 1 }, { seq: 2 }], next: 2 });
  expect(page.letters[0]).toEqual({
    seq: 1,
    to: 'job/a',
    id: 'job-1',
    type: 'add',
    error,
    attempts: 5,
    firstAt: 1_000,
    lastAt: 2_000,
    payload: '{"n":1}',
  });
  expect((await client.all()).map(({ seq }) => seq)).toEqual(Array.from({ length: 250 }, (_, i) => i + 1));
  expect(await client.all('host')).toMatchObject([{ seq: 7, to: 'host/a' }]);
});

test('fit into an answer however large they are, and whatever they hold', async () => {
  const { log, client } = await served();
  for (let seq = 1; seq <= 110; seq++) await bury(log, 'job', seq, { text: '\u{20ac}'.repeat(100_000) });
  await bury(log, 'job', 111, { bytes: new Uint8Array(9) });
  const command = { log: 'x', seq: 112, to: 'job/a', id: 'g', data: new Uint8Array([1]) };
  await log.bury({ command, error, attempts: 1, firstAt: 0, lastAt: 0 });
  const letters = await client.all();
  expect(letters).toHaveLength(112);
  expect(letters[0]).toMatchObject({ cut: true });
  expect(letters.at(-2)).toMatchObject({ payload: '{"bytes":"<9 bytes>"}' });
  expect(letters.at(-1)).toMatchObject({ payload: '1 bytes that are no envelope' });
});

test('are redriven by sequence; what is not there is said', async () => {
  const { log, client } = await served();
  for (let seq = 1; seq <= 150; seq++) await bury(log, 'job', seq, { n: seq });
  const seqs = (await client.all()).map(({ seq }) => seq);
  expect(await client.redrive([...seqs, 1_000])).toEqual({ redriven: seqs, missing: [1_000] });
  const reader = await collect(log, 0);
  await until(() => reader.taken.length === 150);
  expect(textsOf(reader.taken)[0]).toBe('redrive-1-2000');
  expect(await client.all()).toEqual([]);
});

test('a request that is not right is refused with the field', async () => {
  const { mux } = await served();
  const refused = async (subject: string, body: object, field: string) =>
    expect(mux.request(`shadowgrid.deadletters.${subject}`, body)).rejects.toMatchObject({
      code: 'malformed-message',
      field,
    });
  await refused('list', { kind: 'Job' }, 'kind');
  await refused('list', { kind: '*' }, 'kind');
  await refused('list', { limit: 0 }, 'limit');
  await refused('list', { limit: 101 }, 'limit');
  await refused('list', { after: -1 }, 'after');
  await refused('list', { page: 1 }, 'page');
  await refused('redrive', {}, 'seqs');
  await refused('redrive', { seqs: [] }, 'seqs');
  await refused('redrive', { seqs: [1, 'x'] }, 'seqs.1');
});

test('are shown and redriven by the command line', async () => {
  const server = await startTestServer();
  const transport = await connectNats({ servers: server.url });
  const log = await natsCommandLog(transport, { partitions: 1 });
  const mux = createMux(transport);
  serveDeadLetters(mux, log);
  for (let seq = 1; seq <= 3; seq++) await bury(log, seq === 2 ? 'host' : 'job', seq, { n: seq });
  await transport.flush();
  const run = (...args: string[]) => shadowgrid([...args, '--nats', server.url]);

  const table = await run('dead-letters');
  expect(table.stdout).toMatch(
    /^SEQ +TO +MESSAGE +TRIES +LAST +REASON +PAYLOAD\n1 +job\/a +add +5 .* it threw +\{"n":1\}\n/,
  );
  const json = await run('dead-letters', '--kind', 'host', '--json');
  expect(JSON.parse(json.stdout)).toMatchObject({ letters: [{ seq: 2, to: 'host/a', payload: '{"n":2}' }] });

  expect((await run('redrive')).stderr).toContain('field: seq');
  expect((await run('redrive', 'x')).stderr).toContain('x is no sequence');
  expect((await run('redrive', '1', '--kind', 'job')).stderr).toContain('--kind goes with --all');
  expect(await run('redrive', '1', '9')).toMatchObject({ status: 1, stdout: '1 redriven\n' });
  const rest = await run('redrive', '--all', '--json');
  expect(JSON.parse(rest.stdout)).toEqual({ redriven: [2, 3], missing: [] });
  expect((await run('dead-letters')).stdout.trim().split('\n')).toHaveLength(1);
  const reader = await collect(log, 0);
  await until(() => reader.taken.length === 3);
  expect(textsOf(reader.taken)).toEqual(['redrive-1-2000', 'redrive-2-2000', 'redrive-3-2000']);
  await reader.close();
  await mux.close();
  await transport.close();
  await server.stop();
});
