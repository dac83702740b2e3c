/** What libvirt and QEMU tell, as recorded from them, in the words of the telemetry port. */
import { describe, expect, test } from 'vitest';
import { domainCounters } from './bulk-stats.ts';
import { bootMemory } from './memory-map.ts';
import { parseRegisters, REGISTER_COLUMNS } from './registers.ts';
import { readSlow } from './slow-source.ts';

describe('bulk statistics', () => {
  test('of a guest under TCG: what there is, and nothing for what there is not', () => {
    const counters = domainCounters({
      name: 'a',
      parameters: {
        'state.state': 1,
        'cpu.time': 5_586_568_000,
        'cpu.user': 4_722_901_000,
        'cpu.system': 863_667_000,
        'cpu.cache.monitor.count': 0,
        'balloon.current': 131_072,
        'balloon.maximum': 262_144,
        'balloon.unused': 67_268,
        'balloon.last-update': 1_795_343_718,
        'balloon.rss': 229_436,
        'vcpu.current': 2,
        'vcpu.maximum': 4,
        'vcpu.0.state': 1,
        'vcpu.0.time': 3_090_000_000,
        'vcpu.0.wait': 0,
        'vcpu.0.delay': 3_991_801_015,
        'vcpu.0.halted': true,
        'vcpu.3.state': 2,
        'net.count': 0,
        'block.count': 0,
        'dirtyrate.calc_status': 0,
      },
    });
    expect(counters).toEqual({
      domain: 'a',
      cpu: { seconds: near(5.586568), userSeconds: near(4.722901), systemSeconds: near(0.863667) },
      balloon: {
        currentMiB: 128,
        maximumMiB: 256,
        unusedMiB: 67_268 / 1024,
        hostResidentMiB: 229_436 / 1024,
        asOf: 1_795_343_718_000,
      },
      vcpus: [
        {
          vcpu: 0,
          state: 'running',
          seconds: near(3.09),
          waitSeconds: 0,
          delaySeconds: near(3.991801015),
          halted: true,
        },
        { vcpu: 3, state: 'blocked' },
      ],
      blocks: [],
      interfaces: [],
      caches: [],
    });
  });

  test('of disks, interfaces, events, cache monitors and dirty rate', () => {
    const counters = domainCounters({
      name: 'b',
      parameters: {
        'net.count': 1,
        'net.0.name': 'vnet0',
        'net.0.rx.bytes': 90,
        'net.0.rx.pkts': 1,
        'net.0.tx.drop': 7,
        'block.count': 2,
        'block.0.name': 'vda',
        'block.0.rd.reqs': 10,
        'block.0.rd.bytes': 4096,
        'block.0.rd.times': 2_000_000_000,
        'block.0.capacity': 1_048_576,
        'block.1.name': 'vdb',
        'perf.cache_misses': 12,
        'perf.cpu_cycles': 345,
        'cpu.cache.monitor.count': 1,
        'cpu.cache.monitor.0.name': 'vcpus_0-1',
        'cpu.cache.monitor.0.vcpus': '0-1',
        'cpu.cache.monitor.0.bank.count': 2,
        'cpu.cache.monitor.0.bank.0.id': 0,
        'cpu.cache.monitor.0.bank.0.bytes': 65_536,
        'cpu.cache.monitor.0.bank.1.id': 1,
        'cpu.cache.monitor.0.bank.1.bytes': 0,
        'dirtyrate.calc_status': 2,
        'dirtyrate.calc_period': 1,
        'dirtyrate.calc_mode': 'page-sampling',
        'dirtyrate.megabytes_per_second': 0,
      },
    });
    expect(counters).toEqual({
      domain: 'b',
      vcpus: [],
      blocks: [
        { name: 'vda', reads: 10, readBytes: 4096, readSeconds: near(2), capacityBytes: 1_048_576 },
        { name: 'vdb' },
      ],
      interfaces: [{ name: 'vnet0', receivedBytes: 90, receivedPackets: 1, sendDrops: 7 }],
      perf: { cache_misses: 12, cpu_cycles: 345 },
      caches: [
        { monitor: 'vcpus_0-1', vcpus: '0-1', bank: 0, bytes: 65_536 },
        { monitor: 'vcpus_0-1', vcpus: '0-1', bank: 1, bytes: 0 },
      ],
      dirtyRate: { mibPerSecond: 0, seconds: 1, mode: 'page-sampling' },
    });
  });

  test('one tick: the domains that are wanted, and the host', async () => {
    const asked: number[] = [];
    const reading = await readSlow(
      {
        getAllDomainStats: async (groups = 0, flags = 0) => {
          asked.push(groups, flags);
          return ['a', 'stranger'].map((name) => ({ name, parameters: {} }));
        },
        nodeMemory: async () => ({ total: 2048, free: 1024 }),
        nodeCpuStats: async () => ({ user: 3e9, kernel: 2e9, idle: 1e9, iowait: 0 }),
      },
      (name) => name === 'a',
    );
    expect(reading.domains.map(({ domain }) => domain)).toEqual(['a']);
    expect(reading.host).toEqual({
      cpu: { userSeconds: 3, systemSeconds: 2, idleSeconds: 1, ioWaitSeconds: 0 },
      memory: { totalMiB: 2, freeMiB: 1 },
    });
    // Running domains only, and none in a long job holds up the others.
    expect(asked[1]).toBe(0x2000_0001);
  });
});

describe('registers', () => {
  test('of each vCPU, with bases of segments', () => {
    const bank = parseRegisters(TWO_VCPUS)!;
    expect(bank.columns).toBe(REGISTER_COLUMNS);
    expect(bank.values.length).toBe(2 * REGISTER_COLUMNS.length);
    const at = (vcpu: number, name: string) =>
      bank.values[vcpu * REGISTER_COLUMNS.length + REGISTER_COLUMNS.indexOf(name)];
    expect([at(0, 'RAX'), at(0, 'R8'), at(0, 'RIP')]).toEqual([
      0x1ad40n,
      0xffffffffffcb41cfn,
      0xffffffff92217a0bn,
    ]);
    expect([at(0, 'RFL'), at(0, 'CPL'), at(0, 'HLT'), at(1, 'HLT')]).toEqual([0x246n, 0n, 1n, 0n]);
    expect([at(0, 'CR3'), at(0, 'EFER')]).toEqual([0x6010000n, 0xd01n]);
    expect([at(0, 'CS'), at(0, 'CS.base')]).toEqual([0x10n, 0n]);
    expect([at(0, 'GS'), at(0, 'GS.base')]).toEqual([0n, 0xffff88a607800000n]);
    expect([at(0, 'TR'), at(0, 'TR.base')]).toEqual([0x40n, 0xfffffe0000003000n]);
  });

  test('of a vCPU in real mode: the low halves', () => {
    const bank = parseRegisters(
      '\r\nCPU#0\r\nEAX=00000aa0 EBX=00000001\r\nEIP=0000fff0 EFL=00000002 [-------] CPL=0\r\nCS =f000 ffff0000 0000ffff 00009b00\r\n',
    );
    const at = (name: string) => bank!.values[REGISTER_COLUMNS.indexOf(name)];
    expect([at('RAX'), at('RIP'), at('CS'), at('CS.base')]).toEqual([0xaa0n, 0xfff0n, 0xf000n, 0xffff0000n]);
  });

  test('of another architecture: none', () => {
    expect(parseRegisters('CPU#0\n PC=0000000000000000 X00=0000000000000000\n')).toBeUndefined();
    expect(parseRegisters('')).toBeUndefined();
  });
});

test('boot memory of the map, without ROM, devices and what was plugged in', () => {
  expect(bootMemory(MEMORY_MAP)).toEqual([
    { address: 0, bytes: 0xc3000 },
    { address: 0xe8000, bytes: 0x8000 },
    { address: 0x100000, bytes: 127 * 2 ** 20 },
  ]);
  expect(bootMemory('unknown command')).toEqual([]);
});

const near = (value: number) => expect.closeTo(value, 9);

const TWO_VCPUS = `
CPU#0
RAX=000000000001ad40 RBX=0000000000000000 RCX=0000000000000000 RDX=4000000000000000
R8 =ffffffffffcb41cf R9 =00000000314ddd34 R10=00000000fffffffb R11=0000000000000000
RIP=ffffffff92217a0b RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1
ES =0000 0000000000000000 00000000 00000000
CS =0010 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]
GS =0000 ffff88a607800000 00000000 00000000
TR =0040 fffffe0000003000 00004087 00008900 DPL=0 TSS64-avl
GDT=     fffffe0000001000 0000007f
CR0=80050033 CR2=000000000042ee70 CR3=0000000006010000 CR4=000006b0
EFER=0000000000000d01
XMM00=0000000000000000 0000000000000000 XMM01=0000000000000000 0000000000000000

CPU#1
RIP=ffffffff92217a0b RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0
`;

const MEMORY_MAP = `FlatView #0
 AS "memory", root: system
 Root memory region: system
  0000000000000000-00000000000c2fff (prio 0, ram): ram-node0
  00000000000c3000-00000000000e7fff (prio 0, rom): ram-node0 @00000000000c3000
  00000000000e8000-00000000000effff (prio 0, ram): ram-node0 @00000000000e8000
  0000000000100000-0000000007ffffff (prio 0, ram): ram-node0 @0000000000100000
  00000000fd000000-00000000fdffffff (prio 1, ram): vga.vram
  00000000febf0000-00000000febf0fff (prio 0, i/o): virtio-pci-common-virtio-serial
  00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios
  0000000100000000-0000000107ffffff (prio 0, ram): memvirtiomem0

FlatView #1
 AS "cpu-smm-0", root: memory
  0000000000000000-00000000000c2fff (prio 0, ram): ram-node0
`;
