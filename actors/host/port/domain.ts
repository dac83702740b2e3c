/** A domain as callers ask for it and as it runs: what it may use, from what it is made, how it fares. */

/** What a domain may use now. CPU in cores (fractional), memory in MiB. */
export interface Allocation {
  /** CPU bandwidth in cores: 0.5 is half of one core, whatever the number of vCPUs. */
  readonly cores: number;
  /** vCPUs online in the guest. */
  readonly vcpus: number;
  /** Memory the guest may use, base plus hot-plugged, MiB. */
  readonly memoryMiB: number;
}

/** Plugged and ready, beyond what the domain may use now. */
export interface WarmCapacity {
  readonly vcpus: number;
  readonly memoryMiB: number;
}

export interface GuestImage {
  /** Name a job asks for: `tiny`. */
  readonly name: string;
  /** Path of the kernel on the host. */
  readonly kernel: string;
  /** Path of the initramfs on the host. */
  readonly initrd: string;
}

/** A domain to create. `allocation` is what it starts with, `limit` what it can ever be given while it runs. */
export interface DomainSpec {
  /** `[a-z0-9][a-z0-9-]{0,62}`; unique on the host. */
  readonly name: string;
  /** Job the domain runs; kept in the domain's metadata so that a restarted host actor finds it. */
  readonly jobId: string;
  readonly image: GuestImage;
  readonly allocation: Allocation;
  readonly limit: Allocation;
  /** Local disks, `vda`, `vdb` and so on in the guest. Default: none. They end with the domain. */
  readonly disks?: readonly DiskSpec[];
  /** What its memory is resized with; see {@link MemoryDevice}. Default: `virtio-mem`. */
  readonly memoryDevice?: MemoryDevice;
  /** Default: no network interface. */
  readonly network?: NetworkSpec;
  /** What can only be said before it starts. */
  readonly fineGrain?: FineGrain;
}

/**
 * `virtio-mem`: in blocks of 2 MiB up and down, never below what it booted with. `balloon`, for guests without it: boots
 * with its limit, and gives back what is beyond its allocation. `dimm`, for guests that know neither: in modules of
 * 128 MiB; how many can be taken out again is up to the guest.
 */
export type MemoryDevice = 'virtio-mem' | 'balloon' | 'dimm';

export interface DiskSpec {
  readonly sizeMiB: number;
  /** Absolute path of a qcow2 or raw image that the disk starts as; it is only read. Default: empty. */
  readonly base?: string;
}

export interface NetworkSpec {
  /** Bridge of the host that the interface joins. */
  readonly bridge: string;
}

/** Refused with `CapabilityMissing` where the host lacks it. */
export interface FineGrain {
  /** Last-level cache for vCPUs (resctrl). */
  readonly cache?: readonly {
    readonly vcpus: readonly number[];
    readonly cacheId: number;
    readonly sizeKiB: number;
  }[];
  /** Memory bandwidth for vCPUs, percent of the node's (resctrl). */
  readonly memoryBandwidth?: readonly {
    readonly vcpus: readonly number[];
    readonly node: number;
    readonly percent: number;
  }[];
  /** Back the memory with huge pages of this size. */
  readonly hugepageMiB?: number;
  /** NUMA nodes to take the memory from. */
  readonly memoryNodes?: readonly number[];
}

export type DomainState = 'running' | 'paused' | 'stopped' | 'crashed';

export interface DomainStatus {
  readonly name: string;
  readonly jobId: string;
  readonly state: DomainState;
  readonly allocation: Allocation;
  readonly limit: Allocation;
  /** What the host holds ready for it beyond its allocation; absent: nothing. */
  readonly warm?: WarmCapacity;
}

export interface LifecycleEvent {
  readonly domain: string;
  /** `migrated`: it runs on at another host; the end of a domain here, but not of its job. */
  readonly event: 'started' | 'stopped' | 'crashed' | 'migrated' | 'paused' | 'resumed';
  /** The hypervisor's own word for why: `destroyed`, `shutdown`, `failed`. */
  readonly detail: string;
}
