/** The counter of examples/ and docs/runtime.md survives SIGKILL and moves to another node, on Node and Deno. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { counter } from '../../examples/counter.ts';
import {
  type ActorSystem,
  connectNats,
  createActorSystem,
  memoryKeyValue,
  type NatsTransport,
  natsCommandLog,
} from '../../runtime/mod.ts';
import { startTestServer, type TestServer } from './transport-nats-server.ts';

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const PROGRAM = path('examples/counter-node.ts');
const PLATFORMS = {
  node: [path('node_modules/.bin/node'), PROGRAM],
  deno: [path('node_modules/.bin/deno'), 'run', '-A', PROGRAM],
} as const;

let server: TestServer;
let transport: NatsTransport;
let client: ActorSystem;
const children: ChildProcess[] = [];

beforeAll(async () => {
  server = await startTestServer();
  transport = await connectNats({ servers: server.url });
  const commands = await natsCommandLog(transport, { namespace: 'counters' });
  client = createActorSystem({
    transport,
    node: 'client',
    store: memoryKeyValue(),
    commands,
    awaitOwner: true,
  });
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await client.stop();
  await transport.close();
  await server.stop();
});

describe.each(Object.entries(PLATFORMS))('on %s', (platform, [program, ...args]) => {
  /** Resolves when it is a member. */
  async function start(node: string): Promise<ChildProcess> {
    const child = spawn(program, [...args, node, server.url], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    for await (const line of createInterface(child.stdout)) if (line === `${node} is a member`) return child;
    throw new Error(`${node} has ended before it was a member`);
  }

  test('a counter survives SIGKILL of its node, and moves when one leaves', { timeout: 60_000 }, async () => {
    const first = await start(`${platform}-a`);
    const visits = await client.spawn(counter, `visits-${platform}`);
    const patiently = { deadlineMs: 20_000 };
    await visits.ask({ type: 'add', amount: 2 }, patiently);
    const second = await start(`${platform}-b`);

    first.kill('SIGKILL');
    await visits.command({ type: 'add', amount: 3 });
    await expect.poll(() => visits.ask({ type: 'read' }, patiently), { timeout: 20_000 }).toBe(5);

    const third = await start(`${platform}-c`);
    second.kill('SIGTERM');
    await once(second, 'exit');
    expect(await visits.ask({ type: 'read' }, patiently)).toBe(5);
    third.kill('SIGTERM');
    await once(third, 'exit');
  });
});

test('the page that teaches it shows the files as they are', async () => {
  const page = await readFile(path('docs/runtime.md'), 'utf8');
  for (const file of ['examples/counter.ts', 'examples/counter-node.ts', 'examples/simulated-counter.ts']) {
    const [, ...lines] = (await readFile(path(file), 'utf8')).trimEnd().split('\n');
    expect(page).toContain(`\`\`\`ts\n${lines.join('\n')}\n\`\`\``);
  }
});
