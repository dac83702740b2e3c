/** The Hypervisor port: what a host actor can ask of a machine that runs VMs. Drivers: libvirt, simulated. */
import type { GuestAgent } from './agent/mod.ts';

/** What a domain may use now. CPU in cores (fractional), memory in MiB. */
export interface Allocation {
  /** CPU bandwidth in cores: 0.5 is half of one core, whatever the number of vCPUs. */
  readonly cores: number;
  /** vCPUs online in the guest. */
  readonly vcpus: number;
  /** Memory the guest may use, base plus hot-plugged, MiB. */
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
}

export type DomainState = 'running' | 'paused' | 'stopped' | 'crashed';

export interface DomainStatus {
  readonly name: string;
  readonly jobId: string;
  readonly state: DomainState;
  readonly allocation: Allocation;
  readonly limit: Allocation;
}

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
  /** How memory is resized. */
  readonly memoryResize: 'virtio-mem' | 'balloon' | 'none';
  /** CPU bandwidth limits (cgroup quota) are enforced. */
  readonly cpuQuota: boolean;
  /** Domains go on running when this process dies, and `list` finds them again. */
  readonly survivesRestart: boolean;
}

/** Columns of one row of {@link Hypervisor.sample}; counters grow monotonically while a domain lives. */
export const SAMPLE_COLUMNS = [
  /** Counter: CPU time used by the domain's vCPUs and emulator, seconds. */
  'cpuSeconds',
  /** Counter: time the domain was held back by its quota, seconds (summed over its throttled groups). */
  'throttledSeconds',
  /** Gauge: memory in the guest, MiB (MemTotal). NaN until the agent has answered. */
  'memoryTotalMiB',
  /** Gauge: memory still available in the guest, MiB (MemAvailable). NaN until the agent has answered. */
  'memoryAvailableMiB',
  /** Gauge: vCPUs online in the guest. NaN until the agent has answered. */
  'onlineVcpus',
] as const;
export type SampleColumn = (typeof SAMPLE_COLUMNS)[number];

export interface LifecycleEvent {
  readonly domain: string;
  readonly event: 'started' | 'stopped' | 'crashed' | 'paused' | 'resumed';
  /** The hypervisor's own word for why: `destroyed`, `shutdown`, `failed`. */
  readonly detail: string;
}

/**
 * One machine's VMs. Calls for one domain must not overlap: the host actor keeps them in order.
 * Errors: {@link HypervisorError} and its subclasses.
 */
export interface Hypervisor extends AsyncDisposable {
  readonly capabilities: HypervisorCapabilities;
  info(): Promise<HostInfo>;
  /** Domains of shadowgrid on this host (those with our metadata), whoever started them. */
  list(): Promise<DomainStatus[]>;
  /** Creates and starts a domain; resolves when it runs (the guest may still boot). `DomainExists` if the name is taken. */
  create(spec: DomainSpec, options?: { readonly signal?: AbortSignal }): Promise<DomainStatus>;
  /** Ends a domain at once and leaves nothing behind. Idempotent. */
  destroy(name: string): Promise<void>;
  /** Limits CPU bandwidth to `cores` (fractional). */
  setCores(name: string, cores: number): Promise<void>;
  /** Brings the number of vCPUs online in the guest to `vcpus`: hot-plugs what is missing, parks what is too much. */
  setVcpus(name: string, vcpus: number): Promise<void>;
  /** Grows or shrinks guest memory to `memoryMiB` (rounded up to the device's block). Resolves with what was requested of the guest. */
  setMemory(name: string, memoryMiB: number): Promise<number>;
  /** The guest's agent. Waits for it to answer until `signal` aborts; one per domain, shared by all callers. */
  agent(name: string, options?: { readonly signal?: AbortSignal }): Promise<GuestAgent>;
  /**
   * Writes one row of SAMPLE_COLUMNS per name into `out` (row-major); a domain that is gone leaves NaN.
   * Synchronous and cheap (tens of microseconds a domain): made for a 10-50 ms clock.
   */
  sample(names: readonly string[], out: Float64Array): void;
  /** Last lines of the guest's console, for a guest that never boots; empty if there is none. */
  consoleTail(name: string): Promise<string>;
  /** Calls back on lifecycle changes; returns the function that ends it. */
  onLifecycle(listener: (event: LifecycleEvent) => void): () => void;
}
