/** Tuning of simulated guests: refuses what the real drivers refuse, and changes nothing else. */
import {
  checkBandwidth,
  checkDisk,
  checkDiskLimit,
  checkNodes,
  checkPlacement,
  checkWeight,
  need,
} from '../check-tuning.ts';
import { HypervisorError } from '../errors.ts';
import type {
  BandwidthLimit,
  CpuPlacement,
  DiskLimit,
  DomainSpec,
  HypervisorCapabilities,
  Tuning,
} from '../port/mod.ts';

export interface SimulatedTuningOptions {
  readonly capabilities: HypervisorCapabilities;
  readonly cores: number;
  /** Throws DomainNotFound. */
  readonly specOf: (domain: string) => DomainSpec;
}

/** The one NUMA node there is. */
export const SIMULATED_NODES = [0];

export class SimulatedTuning implements Tuning {
  readonly #options: SimulatedTuningOptions;

  constructor(options: SimulatedTuningOptions) {
    this.#options = options;
  }

  async setWeight(domain: string, weight: number): Promise<void> {
    checkWeight(weight);
    this.#options.specOf(domain);
  }

  async setPlacement(domain: string, placement: CpuPlacement): Promise<void> {
    const cores = Array.from({ length: this.#options.cores }, (_, index) => index);
    checkPlacement(placement, cores, this.#options.specOf(domain).limit.vcpus);
  }

  async setMemoryNodes(domain: string, nodes: readonly number[]): Promise<void> {
    checkNodes(nodes, SIMULATED_NODES);
    this.#options.specOf(domain);
  }

  async setDiskLimit(domain: string, disk: string, limit: DiskLimit): Promise<void> {
    checkDisk(disk);
    checkDiskLimit(limit);
    const { disks = [] } = this.#options.specOf(domain);
    if (disk.charCodeAt(2) - 'a'.charCodeAt(0) < disks.length) return;
    throw new HypervisorError(
      `domain ${domain} has no disk ${disk}`,
      { field: 'disk', hint: 'the name of a disk in the guest, like vda' },
      'invalid-field',
    );
  }

  async setBandwidth(domain: string, limit: BandwidthLimit): Promise<void> {
    checkBandwidth(limit);
    const { capabilities } = this.#options;
    need(capabilities, 'bandwidth', capabilities.bandwidth !== 'none');
    this.#options.specOf(domain);
  }
}
