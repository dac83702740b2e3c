/** One simulated domain: boots after a while, then its agent answers; changes reach it with the delays of hot-plug. */
import type { Clock } from '../../../runtime/mod.ts';
import type { GuestAgent, GuestStats } from '../agent/mod.ts';
import { GuestUnreachable } from '../errors.ts';
import type { DomainSpec, DomainStatus } from '../port.ts';
import { SimulatedAgent } from './agent.ts';
import { SimulatedMachine } from './machine.ts';
import type { Random } from './random.ts';

/** Delays, ms, as measured on emulated guests; each varies by a quarter. */
const HOTPLUG_VCPU_MS = 400;
const ONLINE_VCPU_MS = 50;
const RESIZE_MEMORY_MS = 80;
const VARIATION = 0.25;

export interface SimulatedGuestOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly bootMs: number;
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
  #ended = false;

  constructor(spec: DomainSpec, options: SimulatedGuestOptions) {
    this.spec = spec;
    this.#options = options;
    this.#machine = new SimulatedMachine(options.clock, spec.allocation);
    this.#plugged = this.#vcpus = spec.allocation.vcpus;
    this.#memoryMiB = spec.allocation.memoryMiB;
    this.#booted.promise.catch(() => {});
    this.#after(options.bootMs, () => {
      this.#agent = new SimulatedAgent({ clock: options.clock, domain: spec.name, machine: this.#machine });
      this.#booted.resolve(this.#agent);
    });
  }

  get status(): DomainStatus {
    const { name, jobId, limit } = this.spec;
    const allocation = { cores: this.#machine.cores, vcpus: this.#vcpus, memoryMiB: this.#memoryMiB };
    return { name, jobId, state: 'running', allocation, limit };
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
    this.#vcpus = vcpus;
  }

  setMemory(memoryMiB: number): void {
    this.#memoryMiB = memoryMiB;
    this.#after(RESIZE_MEMORY_MS, () => {
      this.#machine.memoryMiB = this.#memoryMiB;
    });
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const timer of this.#timers) this.#options.clock.clearTimeout(timer);
    this.#agent?.shutDown();
    this.#booted.reject(new GuestUnreachable(this.spec.name, 'the domain ended'));
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
