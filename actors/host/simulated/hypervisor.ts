/** The simulated driver: domains that exist only in this process, deterministic for a seed and a clock. */
import { type Clock, systemClock } from '../../../runtime/mod.ts';
import type { GuestAgent } from '../agent/mod.ts';
import { checkCores, checkMemory, checkName, checkSpec, checkVcpus } from '../check-spec.ts';
import { checkFineGrain } from '../check-tuning.ts';
import { DomainExists, DomainNotFound } from '../errors.ts';
import {
  type DomainSpec,
  type DomainStatus,
  type HostInfo,
  type Hypervisor,
  type HypervisorCapabilities,
  type LifecycleEvent,
  SAMPLE_COLUMNS,
} from '../port/mod.ts';
import { SimulatedCheckpoints } from './checkpoints.ts';
import { SimulatedGuest } from './guest.ts';
import { SimulatedMigration } from './migration.ts';
import { type Random, seededRandom } from './random.ts';
import { SimulatedTelemetry } from './telemetry.ts';
import { SIMULATED_NODES, SimulatedTuning } from './tuning.ts';
import { SimulatedWarmth } from './warmth.ts';

export interface SimulatedOptions {
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Of the delays' variation; default 1. */
  readonly seed?: number;
  /** What the host says it has; default 4 cores and 8192 MiB. */
  readonly cores?: number;
  readonly memoryMiB?: number;
  readonly hostname?: string;
  /** Mean time to boot, ms; default 3000. */
  readonly bootMs?: number;
}

const CORES = 4;
const LACKING = {
  bandwidth: 'simulated guests have no network',
  cacheWays: 'a simulated host has no cache',
  memoryBandwidth: 'a simulated host has no memory to measure',
  hugepages: 'a simulated host has no pages',
  perf: 'a simulated host has no counters',
};
const HOSTNAME = 'simulated';
const BOOT_MS = 3000;

export function createSimulatedHypervisor(options: SimulatedOptions = {}): Hypervisor {
  return new SimulatedHypervisor(options);
}

class SimulatedHypervisor implements Hypervisor {
  readonly capabilities: HypervisorCapabilities = {
    kind: 'simulated',
    acceleration: 'none',
    vcpuShrink: 'agent',
    memoryResize: 'virtio-mem',
    cpuQuota: true,
    survivesRestart: false,
    diskLimits: true,
    bandwidth: 'none',
    placement: true,
    memoryNodes: true,
    cacheWays: false,
    memoryBandwidth: false,
    hugepagesMiB: [],
    perf: false,
    checkpoints: 'live',
    migration: 'live',
    lacking: LACKING,
  };
  readonly tuning: SimulatedTuning;
  readonly warmth: SimulatedWarmth;
  readonly checkpoints: SimulatedCheckpoints;
  readonly migration: SimulatedMigration;
  readonly #options: SimulatedOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #guests = new Map<string, SimulatedGuest>();
  readonly telemetry = new SimulatedTelemetry(this.#guests);
  readonly #listeners = new Set<(event: LifecycleEvent) => void>();

  constructor(options: SimulatedOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = seededRandom(options.seed ?? 1);
    this.tuning = new SimulatedTuning({
      capabilities: this.capabilities,
      cores: options.cores ?? CORES,
      specOf: (name) => this.#guest(name).spec,
    });
    this.warmth = new SimulatedWarmth((name) => this.#guest(name));
    this.checkpoints = new SimulatedCheckpoints({
      clock: this.#clock,
      random: this.#random,
      bootMs: options.bootMs ?? BOOT_MS,
      guests: this.#guests,
      tell: (event) => this.#tell(event),
    });
    this.migration = new SimulatedMigration({
      hostname: options.hostname ?? HOSTNAME,
      clock: this.#clock,
      guests: this.#guests,
      tell: (event) => this.#tell(event),
    });
  }

  async info(): Promise<HostInfo> {
    const { hostname = HOSTNAME, cores = CORES, memoryMiB = 8192 } = this.#options;
    return { hostname, cores, memoryMiB, version: 'simulated' };
  }

  async list(): Promise<DomainStatus[]> {
    return Array.from(this.#guests.values(), (guest) => guest.status);
  }

  async create(spec: DomainSpec, options: { readonly signal?: AbortSignal } = {}): Promise<DomainStatus> {
    checkSpec(spec);
    checkFineGrain(spec, this.capabilities, SIMULATED_NODES);
    options.signal?.throwIfAborted();
    if (this.#guests.has(spec.name)) throw new DomainExists(spec.name);
    const bootMs = this.#options.bootMs ?? BOOT_MS;
    const guest = new SimulatedGuest(spec, { clock: this.#clock, random: this.#random, bootMs });
    this.#guests.set(spec.name, guest);
    this.#tell({ domain: spec.name, event: 'started', detail: 'booted' });
    return guest.status;
  }

  async destroy(name: string): Promise<void> {
    checkName(name);
    const guest = this.#guests.get(name);
    if (guest === undefined) return;
    guest.end();
    this.#guests.delete(name);
    this.#tell({ domain: name, event: 'stopped', detail: 'destroyed' });
  }

  async setCores(name: string, cores: number): Promise<void> {
    const guest = this.#guest(name);
    checkCores(cores, guest.spec.limit);
    guest.setCores(cores);
  }

  async setVcpus(name: string, vcpus: number): Promise<void> {
    const guest = this.#guest(name);
    checkVcpus(vcpus, guest.spec.limit);
    await guest.setVcpus(vcpus);
  }

  async setMemory(name: string, memoryMiB: number): Promise<number> {
    const guest = this.#guest(name);
    checkMemory(memoryMiB, guest.spec.limit);
    const granted = guest.grantFor(memoryMiB);
    await guest.setMemory(granted);
    return granted;
  }

  async agent(name: string, options: { readonly signal?: AbortSignal } = {}): Promise<GuestAgent> {
    return this.#guest(name).agent(options.signal);
  }

  sample(names: readonly string[], out: Float64Array): void {
    names.forEach((name, index) => {
      const guest = this.#guests.get(name);
      const stats = guest?.stats;
      const row = [
        guest?.cpuSeconds,
        guest?.throttledSeconds,
        stats?.memoryTotalMiB,
        stats?.memoryAvailableMiB,
        stats?.onlineVcpus,
      ];
      row.forEach((value, column) => {
        out[index * SAMPLE_COLUMNS.length + column] = value ?? Number.NaN;
      });
    });
  }

  async consoleTail(name: string): Promise<string> {
    checkName(name);
    return this.#guests.get(name)?.console ?? '';
  }

  onLifecycle(listener: (event: LifecycleEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.migration[Symbol.dispose]();
    this.#listeners.clear();
    for (const guest of this.#guests.values()) guest.end();
    this.#guests.clear();
  }

  #guest(name: string): SimulatedGuest {
    checkName(name);
    const guest = this.#guests.get(name);
    if (guest === undefined) throw new DomainNotFound(name);
    return guest;
  }

  #tell(event: LifecycleEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
