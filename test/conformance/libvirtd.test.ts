/** A private libvirtd with a real guest: guests are held to their CPU quota and outlive the daemon and whoever started it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensureGuestImage } from '../../deploy/guest/mod.ts';
import { ensureLibvirtd, type Libvirtd } from '../../deploy/libvirtd/mod.ts';
import { runCommand } from '../../deploy/setup/process/mod.ts';

const isRoot = process.getuid?.() === 0;
const runDir = `/run/shadowgrid/t${process.pid}`;
const guest = `sg-test-${process.pid}`;
let stateDir: string;
let daemon: Libvirtd;

const start = () => ensureLibvirtd({ runDir, stateDir, env: {} });
const virsh = async (...args: string[]) =>
  (await runCommand('virsh', ['-q', '-c', daemon.uri, ...args])).stdout;

beforeAll(async () => {
  if (!isRoot) return;
  stateDir = await mkdtemp(join(tmpdir(), 'shadowgrid-libvirtd-test-'));
  daemon = await start();
  const image = await ensureGuestImage();
  // Without a root file system its kernel stops at once and stays: the guest never ends by itself.
  const xml = `<domain type='qemu'><name>${guest}</name><memory unit='MiB'>96</memory><vcpu>1</vcpu>
    <os><type arch='x86_64' machine='pc'>hvm</type><kernel>${image.kernel}</kernel>
    <cmdline>console=ttyS0 quiet panic=0 swiotlb=noforce</cmdline></os><features><acpi/></features>
    <devices><emulator>/usr/bin/qemu-system-x86_64</emulator><memballoon model='none'/></devices></domain>`;
  await runCommand('sh', ['-c', 'printf %s "$2" > "$1/guest.xml"', 'sh', stateDir, xml]);
  await virsh('create', join(stateDir, 'guest.xml'));
});

afterAll(async () => {
  if (!isRoot) return;
  // A test that failed may have left the guest without its daemon.
  daemon = await start();
  await virsh('destroy', guest).catch(() => {});
  await daemon.stop();
  await rm(runDir, { recursive: true, force: true });
  await rm(stateDir, { recursive: true, force: true });
});

it.runIf(isRoot)('limits the CPU bandwidth of its guests', async () => {
  await virsh('schedinfo', guest, '--live', 'vcpu_quota=30000');
  expect(await virsh('schedinfo', guest)).toMatch(/vcpu_quota\s*: 30000/);
});

it.runIf(isRoot)('is adopted by whoever comes next', async () => {
  expect(await start()).toMatchObject({ origin: 'adopted', pid: daemon.pid, uri: daemon.uri });
});

it.runIf(isRoot)('stays while guests run', async () => {
  expect(await daemon.stop()).toEqual([guest]);
  expect(await virsh('list', '--name')).toContain(guest);
});

it.runIf(isRoot)('finds its guests again after SIGKILL, and leaves the machine as it was', async () => {
  const pid = Number(await readFile(join(runDir, 'libvirt/qemu', `${guest}.pid`), 'utf8'));
  process.kill(daemon.pid ?? 0, 'SIGKILL');
  daemon = await start();
  expect(daemon.origin).toBe('started');
  expect(await virsh('domstate', guest)).toContain('running');

  const began = performance.now();
  // It may still be making contact with the guest, sees it end, and has forgotten it before it answers.
  await virsh('destroy', guest).catch((error) => expect(String(error)).toContain('Domain not found'));
  // A dead guest that nobody reaps would make libvirt wait 40 s.
  expect(performance.now() - began).toBeLessThan(20_000);
  expect(await daemon.stop()).toEqual([]);
  await expect(readFile(`/proc/${pid}/stat`)).rejects.toThrow();
});
