/** Fine control of a running domain: where it runs, what it may read, write and send. */

/** Cores of the host that the domain's threads may run on, by number. */
export interface CpuPlacement {
  /** Per vCPU, by index; an empty list: anywhere. */
  readonly vcpus: readonly (readonly number[])[];
  /** QEMU's own threads. Default: as they are. */
  readonly emulator?: readonly number[];
}

/** Of one disk. 0: no limit; absent: as it is. */
export interface DiskLimit {
  readonly readMBps?: number;
  readonly writeMBps?: number;
  readonly readIops?: number;
  readonly writeIops?: number;
}

/** Of the domain's network interface, seen from the guest. 0: no limit; absent: as it is. */
export interface BandwidthLimit {
  readonly inboundMbps?: number;
  readonly outboundMbps?: number;
}

/** Every method rejects with `CapabilityMissing` naming what the host lacks, `DomainNotFound`, or `invalid-field`. */
export interface Tuning {
  /** Share of the CPU beside other domains when all want it: 100 is the usual weight, 1 to 10 000. */
  setWeight(domain: string, weight: number): Promise<void>;
  setPlacement(domain: string, placement: CpuPlacement): Promise<void>;
  /** NUMA nodes that the domain's memory is taken from. */
  setMemoryNodes(domain: string, nodes: readonly number[]): Promise<void>;
  /** `disk`: its name in the guest, `vda`. */
  setDiskLimit(domain: string, disk: string, limit: DiskLimit): Promise<void>;
  setBandwidth(domain: string, limit: BandwidthLimit): Promise<void>;
}
