/** What is concluded from what a host says of itself, also for hosts that this one is not. */
import { describe, expect, test } from 'vitest';
import { assess, type Findings } from './discover.ts';
import { parseTopology } from './topology.ts';

/** A server with two nodes and resctrl; shape as in libvirt's formatcaps.html. */
const SERVER = `<capabilities><host>
  <topology><cells num='2'>
    <cell id='0'><memory unit='KiB'>32767</memory>
      <pages unit='KiB' size='4'>6000000</pages><pages unit='KiB' size='2048'>512</pages><pages unit='KiB' size='1048576'>0</pages>
      <cpus num='2'><cpu id='0' socket_id='0' core_id='0' siblings='0'/><cpu id='2' socket_id='0' core_id='1' siblings='2'/></cpus></cell>
    <cell id='1'><pages unit='KiB' size='2048'>0</pages><pages unit='KiB' size='1048576'>4</pages>
      <cpus num='2'><cpu id='1' socket_id='1' core_id='0' siblings='1'/><cpu id='3' socket_id='1' core_id='1' siblings='3'/></cpus></cell>
  </cells></topology>
  <cache>
    <bank id='0' level='3' type='both' size='15360' unit='KiB' cpus='0,2'><control granularity='768' unit='KiB' type='both' maxAllocs='4'/></bank>
    <bank id='1' level='3' type='both' size='15' unit='MiB' cpus='1,3'><control granularity='768' unit='KiB' type='both' maxAllocs='4'/></bank>
    <bank id='8' level='3' type='both' size='15360' unit='KiB' cpus='4'/>
  </cache>
  <memory_bandwidth>
    <node id='0' cpus='0,2'><control granularity='10' min='10' maxAllocs='4'/></node>
    <node id='1' cpus='1,3'><control granularity='10' min='10' maxAllocs='4'/></node>
  </memory_bandwidth>
</host><guest><arch name='x86_64'><topology><cells><cell id='9'/></cells></topology></arch></guest></capabilities>`;

const FOUND: Findings = {
  topology: parseTopology(SERVER),
  qemu: true,
  session: false,
  hugetlbfs: true,
  network: { bandwidth: 'libvirt', lacking: undefined },
  counters: true,
};
const KVM = { acceleration: 'kvm', checkpoints: 'live', migration: 'live' } as const;
const TCG = { ...KVM, acceleration: 'tcg' } as const;

test('reads nodes, pages and what resctrl divides', () => {
  expect(parseTopology(SERVER)).toEqual({
    cpus: [0, 1, 2, 3],
    nodes: [0, 1],
    hugepagesMiB: [2, 1024],
    caches: [
      { id: 0, level: 3, sizeKiB: 15360, granularityKiB: 768 },
      { id: 1, level: 3, sizeKiB: 15360, granularityKiB: 768 },
    ],
    bandwidthNodes: [0, 1],
  });
  expect(parseTopology('<capabilities/>')).toMatchObject({ cpus: [], nodes: [], caches: [] });
});

describe('a host has', () => {
  test('everything, and lacks nothing', () => {
    expect(assess(FOUND, KVM)).toMatchObject({
      vcpuShrink: 'unplug',
      cacheWays: true,
      memoryBandwidth: true,
      memoryNodes: true,
      hugepagesMiB: [2, 1024],
      perf: true,
      bandwidth: 'libvirt',
      lacking: {},
    });
  });

  test('no unplugging and no resctrl for emulated guests', () => {
    const { lacking, ...rest } = assess(FOUND, TCG);
    expect(rest).toMatchObject({ vcpuShrink: 'agent', cacheWays: false, memoryBandwidth: false });
    expect(lacking).toMatchObject({
      cacheWays: expect.stringContaining('KVM'),
      memoryBandwidth: expect.stringContaining('KVM'),
      vcpuUnplug: expect.stringContaining('emulated'),
    });
  });

  test.each([
    ['cacheWays', { topology: { ...FOUND.topology, caches: [] } }, 'resctrl'],
    ['memoryBandwidth', { topology: { ...FOUND.topology, bandwidthNodes: [] } }, 'resctrl'],
    ['hugepages', { topology: { ...FOUND.topology, hugepagesMiB: [] } }, 'vm.nr_hugepages'],
    ['hugepages', { hugetlbfs: false }, 'hugetlbfs'],
    ['perf', { counters: false }, 'counters'],
    ['cpuQuota', { session: true }, 'cgroups'],
    ['memoryNodes', { session: true }, 'cgroups'],
    ['bandwidth', { network: { bandwidth: 'none', lacking: 'no tbf' } }, 'no tbf'],
  ] satisfies [string, Partial<Findings>, string][])('no %s, and says why', (capability, change, why) => {
    const capabilities = assess({ ...FOUND, ...change }, KVM);
    expect(capabilities.lacking).toEqual({ [capability]: expect.stringContaining(why), ...rest(change) });
    function rest(changed: Partial<Findings>) {
      // A daemon without cgroups lacks both.
      return changed.session ? { cpuQuota: expect.any(String), memoryNodes: expect.any(String) } : {};
    }
  });
});
