/** One host agent per libvirt: a second one is kept off, and told by whom, until the first has ended, however it ends. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { createLibvirtHypervisor } from '../../actors/host/libvirt/mod.ts';
import { until } from '../support/until.ts';
import { ownDaemon } from './hypervisor-own-daemon.ts';

const daemon = await ownDaemon();
const options = { uri: daemon?.uri ?? '', runDir: daemon?.runDir ?? '', exclusive: true };
const open = () => createLibvirtHypervisor(options);
const HOLDER = fileURLToPath(new URL('hypervisor-exclusion-holder.worker.ts', import.meta.url));

afterAll(async () => void (await daemon?.stop()));

test.runIf(daemon !== undefined)('a second agent is refused until the first one is gone', async () => {
  const first = await open();
  await expect(open()).rejects.toMatchObject({
    code: 'host-taken',
    retryable: true,
    message: expect.stringContaining(`pid ${process.pid}`),
  });
  // Who only looks is no agent.
  await using onlooker = await createLibvirtHypervisor({ ...options, exclusive: false });
  expect(await onlooker.list()).toEqual([]);
  await first[Symbol.asyncDispose]();
  await using _second = await open();
});

test.runIf(daemon !== undefined)('one that is killed holds nobody off', async () => {
  const deno = 'Deno' in globalThis;
  const holder = spawn(process.execPath, [...(deno ? ['run', '-A'] : []), HOLDER, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  holder.stdout.on('data', (chunk) => {
    said += chunk;
  });
  await until(async () => said.includes('held'));
  await expect(open()).rejects.toMatchObject({
    code: 'host-taken',
    message: expect.stringContaining(`pid ${holder.pid}`),
  });
  holder.kill('SIGKILL');
  await until(async () => {
    await using hypervisor = await open().catch(() => undefined);
    return hypervisor !== undefined;
  });
});
