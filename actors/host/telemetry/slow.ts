/** The slow clock's port: what a hypervisor tells of its domains and of the host once a second. Absent is not zero. */

/** One domain. Counters count since it began on this host; every part and field is absent where there is no such thing. */
export interface DomainCounters {
  readonly domain: string;
  readonly cpu?: {
    readonly seconds?: number;
    readonly userSeconds?: number;
    readonly systemSeconds?: number;
  };
  readonly balloon?: BalloonCounters;
  readonly vcpus: readonly VcpuCounters[];
  readonly blocks: readonly BlockCounters[];
  readonly interfaces: readonly InterfaceCounters[];
  /** Hardware and software events that were switched on for the domain, under the hypervisor's names: `cache_misses`. */
  readonly perf?: Readonly<Record<string, number>>;
  /** Last-level cache that monitored vCPUs hold, where the host's CPU can tell (resctrl). */
  readonly caches: readonly CacheOccupancy[];
  /** The latest measurement of how fast the guest writes memory, if one was made. */
  readonly dirtyRate?: DirtyRate;
}

/** Memory in MiB as the guest's balloon driver tells it; `asOf` is when it did. */
export interface BalloonCounters {
  readonly currentMiB?: number;
  readonly maximumMiB?: number;
  readonly availableMiB?: number;
  readonly unusedMiB?: number;
  readonly usableMiB?: number;
  readonly diskCachesMiB?: number;
  /** Resident memory of the VM's process on the host. */
  readonly hostResidentMiB?: number;
  readonly swapInMiB?: number;
  readonly swapOutMiB?: number;
  readonly majorFaults?: number;
  readonly minorFaults?: number;
  /** Milliseconds since the epoch; absent if the driver has not answered. */
  readonly asOf?: number;
}

export interface VcpuCounters {
  readonly vcpu: number;
  readonly state: 'offline' | 'running' | 'blocked' | 'unknown';
  readonly seconds?: number;
  /** Waiting for I/O. */
  readonly waitSeconds?: number;
  /** Runnable, but without a CPU. */
  readonly delaySeconds?: number;
  readonly halted?: boolean;
}

export interface BlockCounters {
  /** The guest's device: `vda`. */
  readonly name: string;
  readonly reads?: number;
  readonly readBytes?: number;
  readonly readSeconds?: number;
  readonly writes?: number;
  readonly writtenBytes?: number;
  readonly writeSeconds?: number;
  readonly flushes?: number;
  readonly flushSeconds?: number;
  /** Highest byte written. */
  readonly allocationBytes?: number;
  readonly capacityBytes?: number;
  readonly physicalBytes?: number;
}

export interface InterfaceCounters {
  /** The host's device: `vnet0`. */
  readonly name: string;
  readonly receivedBytes?: number;
  readonly receivedPackets?: number;
  readonly receiveErrors?: number;
  readonly receiveDrops?: number;
  readonly sentBytes?: number;
  readonly sentPackets?: number;
  readonly sendErrors?: number;
  readonly sendDrops?: number;
}

export interface CacheOccupancy {
  /** The monitor's name: `vcpus_0-1`. */
  readonly monitor: string;
  readonly vcpus: string;
  /** Cache bank: one per socket, usually. */
  readonly bank: number;
  readonly bytes: number;
}

export interface DirtyRate {
  readonly mibPerSecond: number;
  /** How long it was measured, seconds. */
  readonly seconds?: number;
  readonly mode?: string;
}

/** The host as a whole. */
export interface HostCounters {
  readonly cpu?: {
    readonly userSeconds?: number;
    readonly systemSeconds?: number;
    readonly idleSeconds?: number;
    readonly ioWaitSeconds?: number;
  };
  readonly memory?: {
    readonly totalMiB?: number;
    readonly freeMiB?: number;
    readonly buffersMiB?: number;
    readonly cachedMiB?: number;
  };
}

/** What a hypervisor answers at one tick. */
export interface SlowReading {
  readonly host: HostCounters;
  readonly domains: readonly DomainCounters[];
}

/** One tick of the slow clock. */
export interface SlowSample extends SlowReading {
  /** Milliseconds since the epoch, when the answer was there. */
  readonly t: number;
  /** How long asking took, ms. */
  readonly costMs: number;
  /** Ticks since the sample before that have none: the answer was late, or there was an error instead. */
  readonly missed: number;
}
