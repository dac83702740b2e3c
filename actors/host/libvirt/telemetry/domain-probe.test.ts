/** Fast counters from recorded trees of kernel files: cgroup v1 beside v2 (hybrid), v2 under systemd, and no cgroups. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FAST_COLUMNS, HOST_ROW } from '../../telemetry/mod.ts';
import { DomainProbe } from './domain-probe.ts';
import { KernelTelemetry } from './kernel-telemetry.ts';
import { findQemu } from './process.ts';

const PID = 27230;
const UUID = '6ab14a0f-1f0e-4a4e-9a61-3d1d6f3d6c11';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'probe-'));
  await write({
    [`proc/${PID}/cmdline`]: `qemu-system-x86_64\0-name\0guest=a,debug-threads=on\0-uuid\0${UUID}\0`,
    [`proc/${PID}/stat`]: `${PID} (qemu) x86) S 1 1 1 0 -1 4194624 41 0 0 0 470 86 0 0 20 0 5 0 3571 4346 1`,
    [`proc/${PID}/statm`]: '424724 57366 6171 1431 0 352696 0\n',
    ...thread(PID, 'qemu-system-x86', '399206439 2958990558 7405'),
    ...thread(27233, 'IO mon_iothread', '265912833 16249757 800'),
    ...thread(27234, 'CPU 0/TCG', '3096599208 3991801015 2338'),
    ...thread(27235, 'CPU 1/TCG', '1794961377 2718950168 5835'),
    'proc/self/mounts': '',
    [`proc/${PID}/cgroup`]: '0::/\n',
  });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('cgroup v1 and v2 side by side, as libvirt 9 without systemd leaves them', () => {
  const GROUP = 'machine/qemu-1-a.libvirt-qemu';
  beforeEach(() =>
    write({
      'proc/self/mounts': [
        `cgroup ${folder}/cg/cpu cgroup rw,relatime,cpu 0 0`,
        `cgroup ${folder}/cg/cpuacct cgroup rw,relatime,cpuacct 0 0`,
        `cgroup ${folder}/cg/memory cgroup rw,relatime,memory 0 0`,
        `cgroup2 ${folder}/cg/unified cgroup2 rw,relatime 0 0`,
      ].join('\n'),
      [`proc/${PID}/cgroup`]: [
        '9:name=systemd:/',
        `4:memory:/${GROUP}`,
        '2:cpuacct:/',
        `1:cpu:/${GROUP}/emulator`,
        `0::/${GROUP}/emulator`,
        '',
      ].join('\n'),
      [`cg/cpu/${GROUP}/cpu.stat`]: v1Stat(585, 185, 6_468_915_237),
      [`cg/cpu/${GROUP}/emulator/cpu.stat`]: v1Stat(0, 0, 0),
      [`cg/cpu/${GROUP}/vcpu0/cpu.stat`]: v1Stat(10, 4, 250_000_000),
      [`cg/cpu/${GROUP}/vcpu0/cpu.stat.local`]: 'throttled_time 3753027773\n',
      [`cg/cpu/${GROUP}/vcpu1/cpu.stat`]: v1Stat(0, 0, 0),
      [`cg/memory/${GROUP}/memory.usage_in_bytes`]: '213065728\n',
      [`cg/unified/${GROUP}/cpu.stat`]: 'usage_usec 5586568\nuser_usec 4722901\nsystem_usec 863667\n',
      [`cg/unified/${GROUP}/cpu.pressure`]: pressure(7_706_889, 0),
      [`cg/unified/${GROUP}/memory.pressure`]: pressure(12, 7),
      [`cg/unified/${GROUP}/io.pressure`]: pressure(2_000_000, 1_000_000),
    }),
  );

  test('the domain: quotas of all its groups, delays of its vCPUs and main thread', async () => {
    using probe = await open();
    expect(row(probe)).toEqual({
      cpuSeconds: near(5.586568),
      runDelaySeconds: near(2.958990558 + 3.991801015 + 2.718950168),
      throttledSeconds: near(6.468915237 + 0.25),
      periods: 595,
      throttledPeriods: 189,
      hostMemoryMiB: near(213_065_728 / 2 ** 20),
      cpuPressureSeconds: near(7.706889),
      memoryPressureSeconds: near(12e-6),
      memoryStallSeconds: near(7e-6),
      ioPressureSeconds: near(2),
      ioStallSeconds: near(1),
    });
    expect([probe.cpuSeconds(), probe.throttledSeconds()]).toEqual([near(5.586568), near(6.718915237)]);
  });

  test('a vCPU: its thread, and what any quota did to its group; by its own quota where the kernel tells no more', async () => {
    using probe = await open();
    row(probe);
    expect(vcpu(probe, 0)).toMatchObject({
      cpuSeconds: near(3.096599208),
      runDelaySeconds: near(3.991801015),
      throttledSeconds: near(3.753027773),
      periods: 10,
      throttledPeriods: 4,
      hostMemoryMiB: Number.NaN,
    });
    expect(vcpu(probe, 1)).toMatchObject({ cpuSeconds: near(1.794961377), throttledSeconds: 0 });
    expect(Object.values(vcpu(probe, 2)).every(Number.isNaN)).toBe(true);
  });

  test('counters are read anew, and vCPUs come and go', async () => {
    using probe = await open();
    expect(probe.vcpus).toEqual([0, 1]);
    await write({
      [`cg/unified/${GROUP}/cpu.stat`]: 'usage_usec 9000000000000\n',
      ...thread(27999, 'CPU 3/KVM', '5000000000 1 1'),
    });
    expect(row(probe).cpuSeconds).toBe(9_000_000);
    await rm(join(folder, `proc/${PID}/task/27235`), { recursive: true });
    await probe.refresh();
    expect(probe.vcpus).toEqual([0, 3]);
    row(probe);
    expect(vcpu(probe, 3)).toMatchObject({ cpuSeconds: 5, throttledSeconds: Number.NaN });
  });
});

describe('cgroup v2 under systemd', () => {
  const SCOPE = 'machine.slice/machine-qemu\\x2d3\\x2da.scope';
  beforeEach(() =>
    write({
      'proc/self/mounts': `cgroup2 ${folder}/cg cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate 0 0\n`,
      [`proc/${PID}/cgroup`]: `0::/${SCOPE}/libvirt/emulator\n`,
      [`cg/${SCOPE}/cpu.stat`]: v2Stat(9_000_000, 3, 1, 300_000),
      [`cg/${SCOPE}/memory.current`]: '134217728\n',
      [`cg/${SCOPE}/libvirt/cpu.stat`]: v2Stat(8_000_000, 2, 1, 200_000),
      [`cg/${SCOPE}/libvirt/cpu.pressure`]: pressure(5, 0),
      [`cg/${SCOPE}/libvirt/emulator/cpu.stat`]: v2Stat(1_000_000, 0, 0, 0),
      [`cg/${SCOPE}/libvirt/vcpu0/cpu.stat`]: v2Stat(5_000_000, 4, 2, 500_000),
      [`cg/${SCOPE}/libvirt/vcpu0/cpu.stat.local`]: 'throttled_usec 900000\n',
      [`cg/${SCOPE}/libvirt/vcpu1/cpu.stat`]: v2Stat(2_000_000, 0, 0, 0),
    }),
  );

  test("the quota may be on systemd's scope, on libvirt's group below it, and on vCPUs", async () => {
    using probe = await open();
    expect(row(probe)).toMatchObject({
      cpuSeconds: 8,
      throttledSeconds: near(0.3 + 0.2 + 0.5),
      periods: 9,
      throttledPeriods: 4,
      hostMemoryMiB: 128,
      cpuPressureSeconds: near(5e-6),
      memoryPressureSeconds: Number.NaN,
    });
    expect(vcpu(probe, 0)).toMatchObject({ throttledSeconds: near(0.9), periods: 4 });
  });

  test('a kernel that counts no quotas has none', async () => {
    for (const group of ['', 'libvirt/', 'libvirt/emulator/', 'libvirt/vcpu0/', 'libvirt/vcpu1/']) {
      await write({ [`cg/${SCOPE}/${group}cpu.stat`]: 'usage_usec 42\nuser_usec 1\nsystem_usec 41\n' });
    }
    await rm(join(folder, `cg/${SCOPE}/libvirt/vcpu0/cpu.stat.local`));
    using probe = await open();
    expect(row(probe)).toMatchObject({ cpuSeconds: near(42e-6), throttledSeconds: 0, periods: 0 });
    expect(vcpu(probe, 0).throttledSeconds).toBe(Number.NaN);
  });
});

test("without groups of its own: the process's files; whoever shares its group is not counted", async () => {
  await write({
    'proc/self/mounts': `cgroup2 ${folder}/cg cgroup2 rw 0 0\n`,
    [`proc/${PID}/cgroup`]: '0::/user.slice/session-4.scope\n',
    'cg/user.slice/session-4.scope/cpu.stat': v2Stat(99_000_000, 1, 1, 99),
  });
  using probe = await open();
  expect(row(probe)).toMatchObject({
    cpuSeconds: near(5.56),
    throttledSeconds: 0,
    hostMemoryMiB: near(57_366 / 256),
    cpuPressureSeconds: Number.NaN,
  });
  expect(vcpu(probe, 1)).toMatchObject({ cpuSeconds: near(1.794961377), throttledSeconds: Number.NaN });
});

test('a domain that is gone has no counters', async () => {
  const probe = await open();
  probe[Symbol.dispose]();
  probe[Symbol.dispose]();
  expect(Object.values(row(probe)).every(Number.isNaN)).toBe(true);
  expect([probe.cpuSeconds(), probe.throttledSeconds()]).toEqual([Number.NaN, Number.NaN]);
  await expect(DomainProbe.open(1, join(folder, 'proc'))).rejects.toThrow();
});

test('rows of domains, vCPUs and the host in one list', async () => {
  await write({
    'proc/pressure/cpu': pressure(3_000_000, 0),
    'proc/pressure/io': pressure(4_000_000, 1_000_000),
  });
  using probe = await open();
  using telemetry = new KernelTelemetry((name) => (name === 'a' ? probe : undefined), join(folder, 'proc'));
  expect([telemetry.rows('a'), telemetry.rows('b')]).toEqual([['a', 'a/vcpu0', 'a/vcpu1'], []]);
  // The vCPUs' rows do not need the domain's before them.
  const ids = ['a/vcpu1', HOST_ROW, 'b', 'a', 'a/vcpu0', 'a/vcpu7', 'b/vcpu0'];
  const out = new Float64Array(ids.length * FAST_COLUMNS.length).fill(-1);
  for (let repeat = 0; repeat < 2; repeat++) telemetry.sample(ids, out);
  const column = (name: (typeof FAST_COLUMNS)[number]) =>
    ids.map((_, index) => out[index * FAST_COLUMNS.length + FAST_COLUMNS.indexOf(name)]);
  const none = Number.NaN;
  expect(column('cpuSeconds')).toEqual([
    near(1.794961377),
    none,
    none,
    near(5.56),
    near(3.096599208),
    none,
    none,
  ]);
  expect(column('cpuPressureSeconds')).toEqual([none, 3, none, none, none, none, none]);
  expect(column('ioStallSeconds')).toEqual([none, 1, none, none, none, none, none]);
});

test("finds a domain's process by its UUID", async () => {
  expect(await findQemu(UUID, join(folder, 'proc'))).toBe(PID);
  expect(await findQemu('0', join(folder, 'proc'))).toBeUndefined();
});

const near = (value: number) => expect.closeTo(value, 9);
const open = () => DomainProbe.open(PID, join(folder, 'proc'));

function row(probe: DomainProbe): Record<string, number> {
  const out = new Float64Array(FAST_COLUMNS.length + 2).fill(-1);
  probe.read(out, 1);
  expect([out[0], out.at(-1)]).toEqual([-1, -1]);
  return Object.fromEntries(FAST_COLUMNS.map((name, index) => [name, out[index + 1]!]));
}

function vcpu(probe: DomainProbe, number: number): Record<string, number> {
  const out = new Float64Array(FAST_COLUMNS.length);
  probe.readVcpu(number, out, 0);
  return Object.fromEntries(FAST_COLUMNS.map((name, index) => [name, out[index]!]));
}

function thread(tid: number, name: string, schedstat: string): Record<string, string> {
  return {
    [`proc/${PID}/task/${tid}/comm`]: `${name}\n`,
    [`proc/${PID}/task/${tid}/schedstat`]: `${schedstat}\n`,
  };
}

function v1Stat(periods: number, throttled: number, ns: number): string {
  return `nr_periods ${periods}\nnr_throttled ${throttled}\nthrottled_time ${ns}\nnr_bursts 0\nburst_time 0\n`;
}

function v2Stat(us: number, periods: number, throttled: number, throttledUs: number): string {
  return `usage_usec ${us}\nuser_usec ${us}\nsystem_usec 0\nnr_periods ${periods}\nnr_throttled ${throttled}\nthrottled_usec ${throttledUs}\nnr_bursts 0\nburst_usec 0\n`;
}

function pressure(someUs: number, fullUs: number): string {
  const averages = 'avg10=6.82 avg60=13.39 avg300=22.00';
  return `some ${averages} total=${someUs}\nfull ${averages} total=${fullUs}\n`;
}

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}
