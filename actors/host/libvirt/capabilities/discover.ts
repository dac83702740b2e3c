/** Asks libvirt, the kernel and its files what can be done here. */
import { readFile, stat } from 'node:fs/promises';
import type { HypervisorCapabilities } from '../../port/mod.ts';
import type { Connection } from '../binding/mod.ts';
import { type NetworkLimits, probeNetworkLimits } from './network.ts';
import { type HostTopology, parseTopology } from './topology.ts';

/** What the driver itself brings: the rest is found out. */
export type Given = Pick<HypervisorCapabilities, 'acceleration' | 'checkpoints' | 'migration'> & {
  readonly lacking?: Readonly<Record<string, string>>;
};

export interface Discovered {
  readonly capabilities: HypervisorCapabilities;
  readonly topology: HostTopology;
}

export async function discover(connection: Connection, given: Given): Promise<Discovered> {
  const topology = parseTopology(await connection.capabilities());
  const { protocol, pathname } = new URL(connection.uri);
  const qemu = protocol.startsWith('qemu');
  const [hugetlbfs, network, counters] = await Promise.all([
    mounted('hugetlbfs'),
    qemu ? probeNetworkLimits() : NO_NETWORK,
    exists('/sys/bus/event_source/devices/cpu'),
  ]);
  const found = { topology, qemu, session: pathname.endsWith('/session'), hugetlbfs, network, counters };
  return { capabilities: assess(found, given), topology };
}

const NO_NETWORK: NetworkLimits = { bandwidth: 'none', lacking: 'only for QEMU guests' };

/** What was found, as far as it decides what can be done. */
export interface Findings {
  readonly topology: HostTopology;
  readonly qemu: boolean;
  /** A daemon of an unprivileged user. */
  readonly session: boolean;
  readonly hugetlbfs: boolean;
  readonly network: NetworkLimits;
  /** The CPU has counters that this kernel reaches. */
  readonly counters: boolean;
}

export function assess(findings: Findings, given: Given): HypervisorCapabilities {
  const { topology, qemu, session, hugetlbfs, network, counters } = findings;
  const kvm = given.acceleration === 'kvm';
  const lacking: Record<string, string> = { ...given.lacking };
  /** Whether nothing is in the way; else the first reason is kept. */
  const can = (capability: string, ...reasons: (string | false | undefined)[]): boolean => {
    const reason = reasons.find((reason) => typeof reason === 'string');
    if (typeof reason === 'string') lacking[capability] = reason;
    return reason === undefined;
  };
  const notQemu = !qemu && 'only for QEMU guests';
  const unprivileged = session && 'daemons of unprivileged users have no cgroups';
  const emulated = !kvm && 'libvirt does it for KVM guests only, and these are emulated';
  const cacheWays = can(
    'cacheWays',
    emulated,
    topology.caches.length === 0 &&
      'no cache can be divided: the CPU or kernel lacks it, or resctrl is not mounted',
  );
  const memoryBandwidth = can(
    'memoryBandwidth',
    emulated,
    topology.bandwidthNodes.length === 0 &&
      'memory bandwidth cannot be divided: the CPU or kernel lacks it, or resctrl is not mounted',
  );
  const hugepages = can(
    'hugepages',
    topology.hugepagesMiB.length === 0 && 'the host has set none aside (vm.nr_hugepages)',
    !hugetlbfs && 'no hugetlbfs is mounted',
  );
  // Unplugging a vCPU corrupts QEMU under TCG; the agent's way works everywhere and is faster.
  if (!kvm) lacking.vcpuUnplug = 'QEMU cannot unplug vCPUs of emulated guests: they are taken offline';
  can('bandwidth', network.bandwidth === 'none' && (network.lacking ?? 'tc cannot do it'));
  return {
    kind: 'libvirt',
    ...given,
    vcpuShrink: kvm ? 'unplug' : 'agent',
    memoryResize: 'virtio-mem',
    cpuQuota: can('cpuQuota', notQemu, unprivileged),
    survivesRestart: true,
    diskLimits: can('diskLimits', notQemu),
    bandwidth: network.bandwidth,
    placement: can('placement', notQemu),
    memoryNodes: can(
      'memoryNodes',
      notQemu,
      unprivileged,
      topology.nodes.length === 0 && 'the host tells of no NUMA nodes',
    ),
    cacheWays,
    memoryBandwidth,
    hugepagesMiB: hugepages ? topology.hugepagesMiB : [],
    perf: can('perf', notQemu, !counters && 'this kernel reaches no hardware counters'),
    lacking,
  };
}

async function mounted(type: string): Promise<boolean> {
  const mounts = await readFile('/proc/mounts', 'utf8').catch(() => '');
  return mounts.split('\n').some((line) => line.split(' ')[2] === type);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
