/** Warm capacity of libvirt's guests: plugged by libvirt, kept from the job by the guest's agent until it is activated. */
import type { GuestWarmth } from '../../agent/mod.ts';
import { checkMemory, checkVcpus } from '../../check-spec.ts';
import type { Allocation, HypervisorCapabilities, WarmCapacity, Warmth } from '../../port/mod.ts';
import type { Access } from '../access.ts';
import type { Domain } from '../binding/mod.ts';
import { grantFor } from '../memory.ts';
import type { DomainMetadata } from '../metadata.ts';
import { plugVcpus, requestMemory, unplugVcpus, until } from '../resize.ts';
import { readStatus, writeMetadata } from '../status.ts';
import type { Tenant } from '../tenant.ts';

export interface WarmthOptions {
  readonly capabilities: HypervisorCapabilities;
  /** How long the guest may take to have everything plugged and touched, ms. */
  readonly deadlineMs: number;
}

const NOTHING: WarmCapacity = { vcpus: 0, memoryMiB: 0 };
/** More than any guest has. */
const ALL: GuestWarmth = { vcpus: 4096, memoryMiB: 2 ** 28 };

/**
 * The domain's metadata says what is warm, and does so before anything is plugged: a process that is killed in between
 * leaves a domain whose status is right, and the same call again finishes the work.
 */
export class LibvirtWarmth implements Warmth {
  readonly #access: Access;
  readonly #options: WarmthOptions;

  constructor(access: Access, options: WarmthOptions) {
    this.#access = access;
    this.#options = options;
  }

  async warm(
    name: string,
    target: Pick<Allocation, 'vcpus' | 'memoryMiB'>,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<WarmCapacity> {
    options.signal?.throwIfAborted();
    const { tenant, before, wanted } = await this.#access.on('control', name, async (domain, tenant) => {
      checkVcpus(target.vcpus, tenant.metadata.limit);
      checkMemory(target.memoryMiB, tenant.metadata.limit);
      const { allocation } = await this.#status(domain, tenant);
      const wanted = {
        vcpus: Math.max(0, target.vcpus - allocation.vcpus),
        memoryMiB: Math.max(0, grantFor(tenant.memory.layout, target.memoryMiB) - allocation.memoryMiB),
      };
      const warm = { vcpus: wanted.vcpus, activeMemoryMiB: allocation.memoryMiB };
      await writeMetadata(domain, tenant, { ...tenant.metadata, warm });
      return { tenant, before: allocation, wanted };
    });
    const signal = this.#signal(options.signal);
    const agent = await tenant.guest.agent(signal);
    // The agent first: it keeps from the job what appears from now on.
    await agent.setOnlineVcpus(before.vcpus);
    await agent.setWarm(wanted);
    await this.#access.on('control', name, async (domain) => {
      await plugVcpus(domain, tenant, before.vcpus + wanted.vcpus);
      await requestMemory(domain, tenant, before.memoryMiB + wanted.memoryMiB);
    });
    const isAll = (so: GuestWarmth) => so.vcpus === wanted.vcpus && so.memoryMiB === wanted.memoryMiB;
    await until(tenant, signal, 'all of its warm capacity', () => agent.setWarm(wanted), isAll);
    options.signal?.throwIfAborted();
    if (isNothing(wanted)) await this.#forget(name, tenant, before.vcpus);
    return wanted;
  }

  async activate(name: string): Promise<Allocation> {
    const tenant = await this.#access.on('control', name, async (_, tenant) => tenant);
    const { warm } = tenant.metadata;
    if (warm !== undefined) {
      const agent = await tenant.guest.agent(this.#signal());
      await agent.giveWarm(ALL);
    }
    return await this.#access.on('control', name, async (domain) => {
      if (warm !== undefined) {
        const vcpus = tenant.metadata.vcpus + warm.vcpus;
        await writeMetadata(domain, tenant, { ...cooled(tenant.metadata), vcpus });
      }
      return (await this.#status(domain, tenant)).allocation;
    });
  }

  async cool(name: string): Promise<void> {
    const tenant = await this.#access.on('control', name, async (_, tenant) => tenant);
    const { warm, vcpus } = tenant.metadata;
    if (warm === undefined) return;
    const signal = this.#signal();
    const agent = await tenant.guest.agent(signal);
    await agent.setWarm(NOTHING);
    await this.#access.on('control', name, (domain) => requestMemory(domain, tenant, warm.activeMemoryMiB));
    const isNone = (so: GuestWarmth) => isNothing(so);
    await until(tenant, signal, 'given its warm memory back', () => agent.setWarm(NOTHING), isNone);
    await this.#forget(name, tenant, vcpus);
  }

  async warmCapacity(name: string): Promise<WarmCapacity> {
    return await this.#access.on('telemetry', name, async (domain, tenant) => {
      return (await this.#status(domain, tenant)).warm ?? NOTHING;
    });
  }

  async #forget(name: string, tenant: Tenant, vcpus: number): Promise<void> {
    await this.#access.on('control', name, async (domain) => {
      await writeMetadata(domain, tenant, cooled(tenant.metadata));
      if (this.#options.capabilities.vcpuShrink === 'unplug') await unplugVcpus(domain, vcpus);
    });
  }

  #signal(signal?: AbortSignal): AbortSignal {
    const deadline = AbortSignal.timeout(this.#options.deadlineMs);
    return signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
  }

  #status(domain: Domain, tenant: Tenant) {
    return readStatus(domain, tenant.metadata, this.#options.capabilities.cpuQuota);
  }
}

function cooled({ warm: _, ...metadata }: DomainMetadata): DomainMetadata {
  return metadata;
}

function isNothing({ vcpus, memoryMiB }: WarmCapacity): boolean {
  return vcpus === 0 && memoryMiB === 0;
}
