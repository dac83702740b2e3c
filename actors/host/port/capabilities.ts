/** What a host is and what its driver can do here. */

export interface HostInfo {
  readonly hostname: string;
  /** Cores the host can give to guests. */
  readonly cores: number;
  readonly memoryMiB: number;
  /** `libvirt 9.0.0, QEMU 7.2.0, tcg` or `simulated`. */
  readonly version: string;
}

/** What a driver can do here; discovered, not assumed. */
export interface HypervisorCapabilities {
  /** `libvirt` drives real VMs; `simulated` only pretends, and everything that shows it says so. */
  readonly kind: 'libvirt' | 'simulated';
  /** Guests run on `kvm`, or by software emulation `tcg`, or not at all. */
  readonly acceleration: 'kvm' | 'tcg' | 'none';
  /** How vCPUs shrink: device unplug, taken offline by the guest agent, or not. */
  readonly vcpuShrink: 'unplug' | 'agent' | 'none';
  /** How memory is resized unless a domain asks for another {@link MemoryDevice}. */
  readonly memoryResize: 'virtio-mem' | 'balloon' | 'none';
  /** CPU bandwidth limits (cgroup quota) are enforced. */
  readonly cpuQuota: boolean;
  /** Domains go on running when this process dies, and `list` finds them again. */
  readonly survivesRestart: boolean;
  /** Read and write limits per disk. */
  readonly diskLimits: boolean;
  /** Who limits the network: libvirt, `tc` on the domain's tap, or nobody. */
  readonly bandwidth: 'libvirt' | 'tc' | 'none';
  /** Threads can be pinned to cores. */
  readonly placement: boolean;
  /** The NUMA nodes that memory is taken from can be chosen. */
  readonly memoryNodes: boolean;
  /** Parts of the last-level cache, and of the memory's bandwidth, can be given to vCPUs (resctrl). */
  readonly cacheWays: boolean;
  readonly memoryBandwidth: boolean;
  /** Sizes of huge pages the host has any of, MiB. */
  readonly hugepagesMiB: readonly number[];
  /** Hardware counters per domain. */
  readonly perf: boolean;
  /** `live`: the guest stands still for a moment only. */
  readonly checkpoints: 'live' | 'none';
  readonly migration: 'live' | 'none';
  /** Why something above is not there, by its name: for people, and for `CapabilityMissing`. */
  readonly lacking: Readonly<Record<string, string>>;
}
