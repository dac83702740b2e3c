/** CPU counters from the files of both cgroup versions, and from none. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DomainUsage } from './usage.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'usage-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('cgroup v1: cpuacct and cpu', async () => {
  await write('cpuacct/cpuacct.usage', '1500000000\n');
  await write('cpu/cpu.stat', 'nr_periods 4\nnr_throttled 2\nthrottled_time 250000000\nnr_bursts 0\n');
  using usage = new DomainUsage({ cpu: join(folder, 'cpu'), cpuacct: join(folder, 'cpuacct') }, 0);
  expect([usage.cpuSeconds(), usage.throttledSeconds()]).toEqual([1.5, 0.25]);
  await write('cpuacct/cpuacct.usage', '12345000000000\n');
  expect(usage.cpuSeconds()).toBe(12_345);
});

test('hybrid: quota of v1, time of v2', async () => {
  await write('cpu/cpu.stat', 'throttled_time 1000000\n');
  await write('v2/cpu.stat', 'usage_usec 42\nuser_usec 1\nsystem_usec 41\n');
  using usage = new DomainUsage({ cpu: join(folder, 'cpu'), unified: join(folder, 'v2') }, 0);
  expect([usage.cpuSeconds(), usage.throttledSeconds()]).toEqual([42e-6, 0.001]);
});

test("cgroup v2: the quota may be on systemd's scope or on libvirt's group below it", async () => {
  await write('scope/cpu.stat', 'usage_usec 9000000\nthrottled_usec 300000\n');
  await write('scope/libvirt/cpu.stat', 'usage_usec 8000000\nnr_throttled 1\nthrottled_usec 200000\n');
  using usage = new DomainUsage({ unified: join(folder, 'scope/libvirt') }, 0);
  expect([usage.cpuSeconds(), usage.throttledSeconds()]).toEqual([8, 0.5]);
});

test('no cgroups: the process itself, never throttled', () => {
  using usage = new DomainUsage({}, process.pid);
  expect(usage.cpuSeconds()).toBeGreaterThan(0);
  expect(usage.throttledSeconds()).toBe(0);
});

test('closed counters say that the domain is gone', async () => {
  await write('v2/cpu.stat', 'usage_usec 42\n');
  const usage = new DomainUsage({ unified: join(folder, 'v2') }, 0);
  usage[Symbol.dispose]();
  usage[Symbol.dispose]();
  expect([usage.cpuSeconds(), usage.throttledSeconds()]).toEqual([Number.NaN, Number.NaN]);
});

async function write(path: string, text: string): Promise<void> {
  await mkdir(join(folder, path, '..'), { recursive: true });
  await writeFile(join(folder, path), text);
}
