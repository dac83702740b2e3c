/** Warm capacity of simulated guests, with the delays of real ones. */
import { checkMemory, checkVcpus } from '../check-spec.ts';
import type { Allocation, WarmCapacity, Warmth } from '../port/mod.ts';
import type { SimulatedGuest } from './guest.ts';

export class SimulatedWarmth implements Warmth {
  readonly #guest: (domain: string) => SimulatedGuest;

  /** `guest` throws DomainNotFound. */
  constructor(guest: (domain: string) => SimulatedGuest) {
    this.#guest = guest;
  }

  async warm(
    domain: string,
    target: Pick<Allocation, 'vcpus' | 'memoryMiB'>,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<WarmCapacity> {
    options.signal?.throwIfAborted();
    const guest = this.#guest(domain);
    checkVcpus(target.vcpus, guest.spec.limit);
    checkMemory(target.memoryMiB, guest.spec.limit);
    const { vcpus, memoryMiB } = guest.status.allocation;
    return await guest.keepWarm({
      vcpus: Math.max(0, target.vcpus - vcpus),
      memoryMiB: Math.max(0, guest.grantFor(target.memoryMiB) - memoryMiB),
    });
  }

  async activate(domain: string): Promise<Allocation> {
    const guest = this.#guest(domain);
    await guest.activate();
    return guest.status.allocation;
  }

  async cool(domain: string): Promise<void> {
    await this.#guest(domain).keepWarm({ vcpus: 0, memoryMiB: 0 });
  }

  async warmCapacity(domain: string): Promise<WarmCapacity> {
    return this.#guest(domain).warm;
  }
}
