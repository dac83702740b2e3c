/** Weights, placement, and limits of disks and networks of libvirt's guests. */
import {
  checkBandwidth,
  checkDisk,
  checkDiskLimit,
  checkNodes,
  checkPlacement,
  checkWeight,
  need,
} from '../../check-tuning.ts';
import { HypervisorError } from '../../errors.ts';
import type {
  BandwidthLimit,
  CpuPlacement,
  DiskLimit,
  HypervisorCapabilities,
  Tuning,
} from '../../port/mod.ts';
import type { Access } from '../access.ts';
import { weightParameters } from '../bandwidth.ts';
import { type Domain, ErrorCode, LibvirtError, type TypedParameter } from '../binding/mod.ts';
import type { HostTopology } from '../capabilities/mod.ts';
import { writeMetadata } from '../status.ts';
import { shape } from './shaping.ts';

export interface TuningOptions {
  readonly capabilities: HypervisorCapabilities;
  readonly topology: HostTopology;
  /** See Shaped. */
  readonly owner: string;
}

/** libvirt's names, and what one of ours is in its unit. */
const DISK_LIMITS = {
  readMBps: ['read_bytes_sec', 1e6],
  writeMBps: ['write_bytes_sec', 1e6],
  readIops: ['read_iops_sec', 1],
  writeIops: ['write_iops_sec', 1],
} as const;

export class LibvirtTuning implements Tuning {
  readonly #access: Access;
  readonly #options: TuningOptions;

  constructor(access: Access, options: TuningOptions) {
    this.#access = access;
    this.#options = options;
  }

  async setWeight(name: string, weight: number): Promise<void> {
    checkWeight(weight);
    this.#need('cpuQuota');
    await this.#access.on('control', name, (domain) =>
      domain.setSchedulerParameters(weightParameters(weight)),
    );
  }

  async setPlacement(name: string, placement: CpuPlacement): Promise<void> {
    this.#need('placement');
    const { cpus } = this.#options.topology;
    await this.#access.on('control', name, async (domain, tenant) => {
      checkPlacement(placement, cpus, tenant.metadata.limit.vcpus);
      const plugged = await domain.vcpus();
      for (const [vcpu, cores] of placement.vcpus.entries()) {
        if (vcpu < plugged) await domain.pinVcpu(vcpu, cores.length > 0 ? cores : cpus);
      }
      const { emulator } = placement;
      if (emulator !== undefined) await domain.pinEmulator(emulator.length > 0 ? emulator : cpus);
      // For those that are plugged later: libvirt pins none that is not there.
      const { pins = [], ...rest } = tenant.metadata;
      const later = [...placement.vcpus, ...pins.slice(placement.vcpus.length)];
      const some = later.some((cores) => cores.length > 0);
      await writeMetadata(domain, tenant, { ...rest, ...(some && { pins: later }) });
    });
  }

  async setMemoryNodes(name: string, nodes: readonly number[]): Promise<void> {
    this.#need('memoryNodes');
    checkNodes(nodes, this.#options.topology.nodes);
    await this.#access.on('control', name, async (domain) => {
      // One node is no choice, and domains that did not ask for it are not bound to it.
      if (this.#options.topology.nodes.length === 1 && !(await domain.xml()).includes('<numatune>')) return;
      await domain.setNumaParameters([{ name: 'numa_nodeset', type: 'string', value: nodes.join(',') }]);
    });
  }

  async setDiskLimit(name: string, disk: string, limit: DiskLimit): Promise<void> {
    checkDisk(disk);
    checkDiskLimit(limit);
    this.#need('diskLimits');
    await this.#access.on('control', name, async (domain) => {
      const before = await limitsOf(domain, name, disk);
      // libvirt takes those that are left out of a group for 0.
      const parameters = Object.entries(DISK_LIMITS).map(([field, [parameter, unit]]): TypedParameter => {
        const asked = limit[field as keyof DiskLimit];
        const value = asked === undefined ? Number(before[parameter] ?? 0) : Math.round(asked * unit);
        return { name: parameter, type: 'ullong', value };
      });
      await domain.setBlockIoTune(disk, parameters);
    });
  }

  async setBandwidth(name: string, limit: BandwidthLimit): Promise<void> {
    checkBandwidth(limit);
    this.#need('bandwidth', this.#options.capabilities.bandwidth !== 'none');
    await this.#access.on('control', name, async (domain) => {
      const tap = /<interface\b.*?<target dev='([^']+)'/s.exec(await domain.xml())?.[1];
      if (tap === undefined) {
        throw new HypervisorError(
          `domain ${name} has no network interface`,
          { field: 'domain', hint: 'create it with a network' },
          'invalid-field',
        );
      }
      if (this.#options.capabilities.bandwidth === 'tc')
        await shape({ owner: this.#options.owner, domain: name }, tap, limit);
      else await domain.setInterfaceParameters(tap, interfaceParameters(limit));
    });
  }

  #need(capability: 'cpuQuota' | 'placement' | 'memoryNodes' | 'diskLimits' | 'bandwidth', there?: boolean) {
    const { capabilities } = this.#options;
    need(capabilities, capability, there ?? Boolean(capabilities[capability]));
  }
}

async function limitsOf(domain: Domain, name: string, disk: string) {
  try {
    return await domain.blockIoTune(disk);
  } catch (error) {
    if (!(error instanceof LibvirtError) || error.code !== ErrorCode.invalidArgument) throw error;
    throw new HypervisorError(
      `domain ${name} has no disk ${disk}`,
      { field: 'disk', hint: 'the name of a disk in the guest, like vda' },
      'invalid-field',
    );
  }
}

/** libvirt counts in kilobytes a second. */
function interfaceParameters({ inboundMbps, outboundMbps }: BandwidthLimit): TypedParameter[] {
  const average = (direction: string, mbps: number | undefined): TypedParameter[] =>
    mbps === undefined
      ? []
      : [
          {
            name: `${direction}.average`,
            type: 'uint',
            value: mbps === 0 ? 0 : Math.max(1, Math.round((mbps * 1000) / 8)),
          },
        ];
  return [...average('inbound', inboundMbps), ...average('outbound', outboundMbps)];
}
