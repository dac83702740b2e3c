/** Checkpoints when things go wrong: the disk is full or fills up, the process is killed, the state does not load. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createLibvirtHypervisor } from '../../actors/host/libvirt/mod.ts';
import type { DomainSpec, Hypervisor, LifecycleEvent } from '../../actors/host/mod.ts';
import { ensureGuestImage } from '../../deploy/guest/mod.ts';
import { runCommand } from '../../deploy/setup/process/mod.ts';
import { findLibvirtd } from './hypervisor-checkpoint-daemon.ts';
import { CommandedGuest } from './hypervisor-checkpoint-guest.ts';

const WAIT_MS = 240_000;
const folder = await mkdtemp(join(tmpdir(), 'sgf-'));
const runDir = join(folder, 'guests');
const storeDir = join(runDir, 'store');
await mkdir(storeDir, { recursive: true });
// Before the daemon starts: it sees only what was mounted then. Its size can be changed at any time.
const small = process.getuid?.() === 0;
if (small) await runCommand('mount', ['-t', 'tmpfs', '-o', 'size=600m', 'tmpfs', storeDir]);
const daemon = await findLibvirtd(folder);

describe.skipIf(daemon === undefined || !small)('checkpoints when things go wrong', async () => {
  if (daemon === undefined) return;
  const name = `faults-${process.pid}`;
  const domainDir = join(storeDir, name);
  let hypervisor: Hypervisor;
  const events: LifecycleEvent[] = [];
  const reopen = async () => {
    hypervisor = await createLibvirtHypervisor({ uri: daemon.uri, runDir });
    hypervisor.onLifecycle((event) => events.push(event));
  };
  await reopen();
  const guest = new CommandedGuest(() => hypervisor, name);
  const allocation = { cores: 1.5, vcpus: 1, memoryMiB: 96 };
  const spec: DomainSpec = {
    name,
    jobId: 'faults',
    image: await ensureGuestImage(),
    allocation,
    limit: allocation,
    disks: [{ sizeMiB: 8 }],
  };
  const resize = (size: string) => runCommand('mount', ['-o', `remount,size=${size}`, storeDir]);
  const remember = (text: string) => guest.run(`echo ${text} > /run/kept`);
  const remembered = () => guest.run('cat /run/kept');
  const ids = async () => (await hypervisor.checkpoints.list(name)).map(({ id }) => id);

  afterAll(async () => {
    await hypervisor.destroy(name);
    await hypervisor[Symbol.asyncDispose]();
    await daemon.stop();
    await runCommand('umount', [storeDir]);
    await rm(folder, { recursive: true, force: true });
  });

  test('a full disk is told before anything is written', { timeout: WAIT_MS }, async () => {
    await hypervisor.create(spec);
    await remember('first');
    await hypervisor.checkpoints.take(name, { id: 'first' });
    await resize(`${(await usedMiB(storeDir)) + 40}m`);
    const full = { code: 'no-space', message: expect.stringContaining(storeDir), retryable: true };
    await expect(hypervisor.checkpoints.take(name, { id: 'full' })).rejects.toMatchObject(full);
    await expect(hypervisor.checkpoints.rollBack(name, 'first')).rejects.toMatchObject(full);
    expect(await readdir(join(domainDir, 'checkpoints'))).toEqual(['first']);
    expect(await remembered()).toBe('first');
    await resize('600m');
  });

  test('a disk that fills up meanwhile: no checkpoint, and the guest runs on', {
    timeout: WAIT_MS,
  }, async () => {
    const layers = await readdir(join(domainDir, 'disks'));
    const used = await usedMiB(storeDir);
    const taking = hypervisor.checkpoints.take(name, {
      id: 'filled',
      onProgress: ({ phase, done }) => {
        if (phase === 'saving' && done === undefined) void resize(`${used + 20}m`);
      },
    });
    await expect(taking).rejects.toMatchObject({ code: 'no-space' });
    await resize('600m');
    expect(await readdir(join(domainDir, 'checkpoints'))).toEqual(['first']);
    expect(await readdir(join(domainDir, 'disks'))).toEqual(layers);
    expect(await guest.state()).toBe('running');
    await remember('second');
    await hypervisor.checkpoints.take(name, { id: 'second' });
  });

  test.each(['saving', 'verifying'])(
    'killed while %s: the next one clears up',
    { timeout: WAIT_MS },
    async (phase) => {
      await hypervisor[Symbol.asyncDispose]();
      await killedAt(phase, 'take', 'killed');
      await reopen();
      expect(await readdir(join(domainDir, 'checkpoints'))).not.toContain('killed');
      expect(await readdir(domainDir)).not.toContain('operation.json');
      expect(await guest.state()).toBe('running');
      expect(await remembered()).toBe('second');
      await hypervisor.checkpoints.take(name, { id: 'killed' });
      expect(await ids()).toEqual(['first', 'second', 'killed']);
      await hypervisor.checkpoints.remove(name, 'killed');
      // One layer for each checkpoint, and the one that is written.
      expect(await readdir(join(domainDir, 'disks'))).toHaveLength(3);
    },
  );

  test.each(['verifying', 'restoring'])(
    'killed in a rollback while %s: the domain is in one state or the other',
    { timeout: WAIT_MS },
    async (phase) => {
      await remember('third');
      await hypervisor[Symbol.asyncDispose]();
      await killedAt(phase, 'roll-back', 'first');
      await reopen();
      expect(await guest.state()).toBe('running');
      expect(await remembered()).toMatch(/^(first|third)$/);
      expect(await readdir(domainDir)).not.toContain('operation.json');
      expect(await readdir(domainDir)).not.toContain('safety');
      expect(await ids()).toEqual(['first', 'second']);
    },
  );

  test('a state that does not load: the domain is as it was', { timeout: WAIT_MS }, async () => {
    await remember('fourth');
    await spoil(join(domainDir, 'checkpoints', 'first', 'memory'));
    events.length = 0;
    const refused = hypervisor.checkpoints.rollBack(name, 'first');
    await expect(refused).rejects.toMatchObject({ code: 'rollback-failed' });
    expect(await guest.state()).toBe('running');
    expect(await remembered()).toBe('fourth');
    expect(events.filter(({ event }) => event === 'stopped' || event === 'crashed')).toEqual([]);
    expect(await readdir(domainDir)).not.toContain('safety');
    await expect(hypervisor.checkpoints.verify(name, 'first')).rejects.toMatchObject({
      code: 'checkpoint-damaged',
    });
  });

  /** Resolves when the child is dead. */
  async function killedAt(phase: string, action: string, id: string): Promise<void> {
    const script = join(import.meta.dirname ?? '.', 'hypervisor-checkpoint-child.worker.ts');
    const runtime = 'Deno' in globalThis ? ['run', '-A'] : [];
    const args = [...runtime, script, daemon!.uri, runDir, action, name, id];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    let told = '';
    child.stdout.on('data', (chunk: Uint8Array) => {
      told += new TextDecoder().decode(chunk);
      if (told.split('\n').includes(phase)) child.kill('SIGKILL');
    });
    await ended;
    expect(told).not.toContain('done');
  }
});

/** Makes QEMU refuse the state, where only reading all of it would show. */
async function spoil(path: string): Promise<void> {
  await runCommand('touch', ['-r', path, `${path}.time`]);
  const streamAt = (await readFile(path)).indexOf('QEVM');
  const file = await open(path, 'r+');
  // The machine's type, which follows the magic, the version, and the kind and length of the section.
  await file.write('none', streamAt + 13);
  await file.close();
  await runCommand('touch', ['-r', `${path}.time`, path]);
  await rm(`${path}.time`);
}

async function usedMiB(path: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(path, { recursive: true })) {
    bytes += (await stat(join(path, entry))).blocks * 512;
  }
  return Math.ceil(bytes / 1024 / 1024);
}
