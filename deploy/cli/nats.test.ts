/** `nats-config` writes a cluster and its users, keeps what is there, and names what is wrong with its options. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from 'citty';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { natsConfig } from './nats.ts';

describe('nats-config', () => {
  let folder: string;
  let said: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'shadowgrid-nats-config-'));
    said = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      said += text;
      return true;
    });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await rm(folder, { recursive: true });
  });

  const run = (...options: string[]) =>
    runCommand(natsConfig, { rawArgs: [folder, '--for-version', '2.15.1', ...options] });

  it('writes a cluster and its users, and says what it kept the second time', async () => {
    const options = ['--nodes', '3', '--host', 'a.example', '--host', 'b.example', '--host', 'c.example'];
    await run(...options, '--user', 'alice=client', '--user', 'bob=operator');
    expect((await readdir(folder)).sort()).toEqual([
      'authority',
      'server-1',
      'server-2',
      'server-3',
      'users',
    ]);
    expect(await readdir(join(folder, 'users'))).toEqual(expect.arrayContaining(['alice.json', 'bob.json']));
    expect(said).toMatch(/^new +users\/alice\.json$/m);
    expect(said).toMatch(/cd .*server-3 && nats-server -c nats-server\.conf/);

    said = '';
    await run(...options);
    expect(said).toMatch(/^kept +authority\/ca-key\.pem$/m);
    expect(said).toMatch(/^kept +users\/alice\.json$/m);
    expect(said).not.toMatch(/^(new|renewed|written) /m);
  });

  it.each([
    [['--nodes', '2'], '--nodes'],
    [['--user', 'alice'], '--user'],
    [['--user', 'alice=king'], '--user'],
    [['--port', 'x'], '--port'],
    [['--user', 'Alice=client'], 'user'],
    [['--user', 'client=grid'], 'user'],
    [['--host', 'a"b'], 'host'],
    [['--host', 'a', '--host', 'b'], 'host'],
    [['--nodes', '3', '--port', '6222'], 'cluster-port'],
  ])('names what is wrong with %j and writes nothing but empty folders', async (options, field) => {
    await expect(run(...options)).rejects.toMatchObject({ field });
    expect((await readdir(folder)).filter((name) => name !== 'users')).toEqual([]);
  });
});
