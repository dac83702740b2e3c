/** The Hypervisor port: what a host actor can ask of a machine that runs VMs. Drivers: libvirt, simulated. */
import type { GuestAgent } from '../agent/mod.ts';
import type { HostTelemetry } from '../telemetry/mod.ts';
import type { HostInfo, HypervisorCapabilities } from './capabilities.ts';
import type { Checkpoints } from './checkpoint.ts';
import type { DomainSpec, DomainStatus, LifecycleEvent } from './domain.ts';
import type { Migration } from './migration.ts';
import type { Tuning } from './tuning.ts';
import type { Warmth } from './warmth.ts';

/**
 * One machine's VMs. Calls for one domain must not overlap: the host actor keeps them in order.
 * Errors: {@link HypervisorError} and its subclasses.
 */
export interface Hypervisor extends AsyncDisposable {
  readonly capabilities: HypervisorCapabilities;
  /** Beyond {@link Hypervisor.sample}: more counters, on two clocks, and the inner state of VMs. */
  readonly telemetry: HostTelemetry;
  readonly tuning: Tuning;
  readonly warmth: Warmth;
  readonly checkpoints: Checkpoints;
  readonly migration: Migration;
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
