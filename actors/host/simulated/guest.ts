/** One simulated domain: boots after a while, then its agent answers; changes reach it with the delays of hot-plug. */
import type { Clock } from '../../../runtime/mod.ts';
import type { GuestAgent, GuestStats } from '../agent/mod.ts';
import { GuestUnreachable } from '../errors.ts';
import type { Allocation, DomainSpec, DomainStatus, WarmCapacity } from '../port/mod.ts';
import { type FrozenAgent, SimulatedAgent } from './agent.ts';
import { SimulatedMachine } from './machine.ts';
import type { Random } from './random.ts';

/** Delays, ms, as measured on emulated guests; each varies by a quarter. */
const HOTPLUG_VCPU_MS = 400;
const ONLINE_VCPU_MS = 50;
const RESIZE_MEMORY_MS = 80;
const ACTIVATE_MS = 5;
const MEMORY_BLOCK_MIB = 2;
const VARIATION = 0.25;

export interface SimulatedGuestOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly bootMs: number;
}

/** A guest at one moment. */
export interface FrozenGuest {
  readonly spec: DomainSpec;
  readonly allocation: Allocation;
  readonly plugged: number;
  /** Undefined for one that was still booting. */
  readonly agent: FrozenAgent | undefined;
}

export class SimulatedGuest {
  readonly spec: DomainSpec;
  readonly #options: SimulatedGuestOptions;
  readonly #machine: SimulatedMachine;
  readonly #booted = Promise.withResolvers<GuestAgent>();
  readonly #timers = new Set<unknown>();
  #agent: SimulatedAgent | undefined;
  #plugged: number;
  #vcpus: number;
  #memoryMiB: number;
  #warm: WarmCapacity = { vcpus: 0, memoryMiB: 0 };
  #ended = false;

  constructor(spec: DomainSpec, options: SimulatedGuestOptions) {
    this.spec = spec;
    this.#options = options;
    this.#machine = new SimulatedMachine(options.clock, spec.allocation);
    this.#plugged = this.#vcpus = spec.allocation.vcpus;
    this.#memoryMiB = spec.allocation.memoryMiB;
    this.#booted.promise.catch(() => {});
    this.#after(options.bootMs, () => this.#answer());
  }

  freeze(): FrozenGuest {
    const { allocation } = this.status;
    return { spec: this.spec, allocation, plugged: this.#plugged, agent: this.#agent?.freeze() };
  }

  /** Another guest that goes on from there; what was warm is not. */
  static thaw(
    { spec, allocation, plugged, agent }: FrozenGuest,
    options: SimulatedGuestOptions,
  ): SimulatedGuest {
    const guest = new SimulatedGuest(spec, options);
    guest.#plugged = plugged;
    guest.#vcpus = guest.#machine.vcpus = allocation.vcpus;
    guest.#memoryMiB = guest.#machine.memoryMiB = allocation.memoryMiB;
    guest.#machine.cores = allocation.cores;
    if (agent !== undefined) guest.#answer(agent);
    return guest;
  }

  get status(): DomainStatus {
    const { name, jobId, limit } = this.spec;
    const allocation = { cores: this.#machine.cores, vcpus: this.#vcpus, memoryMiB: this.#memoryMiB };
    const warm = this.#warm.vcpus + this.#warm.memoryMiB > 0 && { warm: this.#warm };
    return { name, jobId, state: 'running', allocation, limit, ...warm };
  }

  get warm(): WarmCapacity {
    return this.#warm;
  }

  /** What is given of `memoryMiB`; like the real device, the memory that the guest booted with stays. */
  grantFor(memoryMiB: number): number {
    const base = this.spec.allocation.memoryMiB;
    return base + Math.ceil(Math.max(0, memoryMiB - base) / MEMORY_BLOCK_MIB) * MEMORY_BLOCK_MIB;
  }

  get console(): string {
    return this.#agent === undefined ? 'simulated guest: booting' : 'simulated guest: ready';
  }

  get cpuSeconds(): number {
    return this.#machine.cpuSeconds;
  }

  get throttledSeconds(): number {
    return this.#machine.throttledSeconds;
  }

  /** Memory that it changes, MiB/s. */
  get dirtyMiBps(): number {
    return this.#machine.dirtyMiBps;
  }

  /** Undefined until the guest has booted. */
  get stats(): GuestStats | undefined {
    return this.#agent?.readStats();
  }

  /** The agent, once the guest has booted. */
  async agent(signal?: AbortSignal): Promise<GuestAgent> {
    if (signal === undefined) return this.#booted.promise;
    const aborted = Promise.withResolvers<never>();
    const abort = () =>
      aborted.reject(new GuestUnreachable(this.spec.name, 'its agent did not answer in time'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([this.#booted.promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  setCores(cores: number): void {
    this.#machine.cores = cores;
  }

  async setVcpus(vcpus: number): Promise<void> {
    const agent = await this.agent();
    const cold = vcpus > this.#plugged;
    this.#plugged = Math.max(this.#plugged, vcpus);
    await new Promise<void>((resolve) => this.#after(cold ? HOTPLUG_VCPU_MS : ONLINE_VCPU_MS, resolve));
    await agent.setOnlineVcpus(vcpus);
    await this.#useWarmVcpus(agent, vcpus - this.#vcpus);
    this.#vcpus = vcpus;
  }

  /** Brings what is warm to `wanted`, up or down; resolves with it. */
  async keepWarm(wanted: WarmCapacity): Promise<WarmCapacity> {
    const agent = await this.agent();
    const cold = this.#vcpus + wanted.vcpus > this.#plugged;
    this.#plugged = Math.max(this.#plugged, this.#vcpus + wanted.vcpus);
    await new Promise<void>((resolve) => this.#after(cold ? HOTPLUG_VCPU_MS : RESIZE_MEMORY_MS, resolve));
    this.#warm = await agent.setWarm(wanted);
    return wanted;
  }

  async activate(): Promise<void> {
    const agent = await this.agent();
    const given = this.#warm;
    await new Promise<void>((resolve) => this.#after(ACTIVATE_MS, resolve));
    await agent.giveWarm(given);
    this.#warm = { vcpus: 0, memoryMiB: 0 };
    this.#vcpus += given.vcpus;
    this.#memoryMiB += given.memoryMiB;
  }

  async setMemory(memoryMiB: number): Promise<void> {
    if (this.#warm.memoryMiB > 0) {
      const taken = Math.min(this.#warm.memoryMiB, memoryMiB - this.#memoryMiB);
      const agent = await this.agent();
      if (taken > 0) await agent.giveWarm({ vcpus: 0, memoryMiB: taken });
      this.#warm = { ...this.#warm, memoryMiB: this.#warm.memoryMiB - Math.max(0, taken) };
    }
    this.#memoryMiB = memoryMiB;
    this.#after(RESIZE_MEMORY_MS, () => {
      this.#machine.memoryMiB = this.#memoryMiB;
    });
  }

  /** What is given beyond the allocation comes out of what is warm. */
  async #useWarmVcpus(agent: GuestAgent, more: number): Promise<void> {
    const vcpus = Math.max(0, this.#warm.vcpus - Math.max(0, more));
    if (vcpus !== this.#warm.vcpus) this.#warm = await agent.setWarm({ ...this.#warm, vcpus });
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const timer of this.#timers) this.#options.clock.clearTimeout(timer);
    this.#agent?.shutDown();
    this.#booted.reject(new GuestUnreachable(this.spec.name, 'the domain ended'));
  }

  /** Its agent answers from now on; it may have long been there. */
  #answer(before?: FrozenAgent): void {
    if (this.#agent !== undefined) return;
    const { clock } = this.#options;
    this.#agent = new SimulatedAgent({ clock, domain: this.spec.name, machine: this.#machine });
    if (before !== undefined) this.#agent.thaw(before);
    this.#booted.resolve(this.#agent);
  }

  #after(ms: number, run: () => void): void {
    const { clock, random } = this.#options;
    const varied = ms * (1 + VARIATION * (2 * random() - 1));
    const timer = clock.setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, varied);
    this.#timers.add(timer);
  }
}
