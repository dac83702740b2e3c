/** CPU bandwidth, vCPUs and memory of a running domain: up and down, in place. */
import { setTimeout as delay } from 'node:timers/promises';
import { checkCores, checkMemory, checkVcpus } from '../check-spec.ts';
import { CapabilityMissing, GuestUnreachable } from '../errors.ts';
import type { HypervisorCapabilities } from '../port/mod.ts';
import type { Access } from './access.ts';
import { bandwidthParameters } from './bandwidth.ts';
import { type Domain, LibvirtError } from './binding/mod.ts';
import { DIMM, grantFor, type LiveMemory, memoryDevice, parseLiveMemory } from './memory.ts';
import { writeMetadata } from './status.ts';
import type { Tenant } from './tenant.ts';

export interface ResizeOptions {
  readonly capabilities: HypervisorCapabilities;
  /** How long the guest may take to have what it is given, ms. */
  readonly deadlineMs: number;
}

const POLL_MS = 20;

export class Resize {
  readonly #access: Access;
  readonly #options: ResizeOptions;

  constructor(access: Access, options: ResizeOptions) {
    this.#access = access;
    this.#options = options;
  }

  async setCores(name: string, cores: number): Promise<void> {
    const { cpuQuota, lacking } = this.#options.capabilities;
    if (!cpuQuota) {
      throw new CapabilityMissing(
        'cpuQuota',
        `this libvirt cannot limit CPU bandwidth: ${lacking.cpuQuota}`,
        'use qemu:///system',
      );
    }
    await this.#access.on('control', name, async (domain, tenant) => {
      checkCores(cores, tenant.metadata.limit);
      await domain.setSchedulerParameters(bandwidthParameters(cores));
    });
  }

  async setVcpus(name: string, vcpus: number): Promise<void> {
    const tenant = await this.#access.on('control', name, async (domain, tenant) => {
      checkVcpus(vcpus, tenant.metadata.limit);
      await plugVcpus(domain, tenant, vcpus);
      return tenant;
    });
    const signal = AbortSignal.timeout(this.#options.deadlineMs);
    const agent = await tenant.guest.agent(signal);
    // Hot-plugged vCPUs take the guest a moment to see.
    await until(
      tenant,
      signal,
      `${vcpus} vCPUs online`,
      () => agent.setOnlineVcpus(vcpus),
      (n) => n === vcpus,
    );
    const { warm, vcpus: before } = tenant.metadata;
    // What is more than before came out of the warm ones.
    const left = Math.max(0, (warm?.vcpus ?? 0) - Math.max(0, vcpus - before));
    await this.#access.on('control', name, async (domain) => {
      const changed = { ...tenant.metadata, vcpus, ...(warm && { warm: { ...warm, vcpus: left } }) };
      await writeMetadata(domain, tenant, changed);
      if (this.#options.capabilities.vcpuShrink === 'unplug') await unplugVcpus(domain, vcpus + left);
    });
  }

  /** Resolves with what was requested of the guest. */
  async setMemory(name: string, memoryMiB: number): Promise<number> {
    return this.#access.on('control', name, async (domain, tenant) => {
      checkMemory(memoryMiB, tenant.metadata.limit);
      const { warm } = tenant.metadata;
      if (warm === undefined) return await requestMemory(domain, tenant, memoryMiB);
      const granted = grantFor(tenant.memory.layout, memoryMiB);
      const held = Math.max(0, (await grantedMemory(domain, tenant)) - warm.activeMemoryMiB);
      // What is more than before comes out of the warm memory first: the guest has that at once.
      const taken = Math.min(held, Math.max(0, granted - warm.activeMemoryMiB));
      const agent = await tenant.guest.agent(AbortSignal.timeout(this.#options.deadlineMs));
      if (taken > 0) await agent.giveWarm({ vcpus: 0, memoryMiB: taken });
      await requestMemory(domain, tenant, granted + held - taken);
      await writeMetadata(domain, tenant, {
        ...tenant.metadata,
        warm: { ...warm, activeMemoryMiB: granted },
      });
      return granted;
    });
  }
}

/** Plugs what `vcpus` lack, onto the cores they were placed on; never unplugs. */
export async function plugVcpus(domain: Domain, tenant: Tenant, vcpus: number): Promise<void> {
  const plugged = await domain.vcpus();
  if (vcpus <= plugged) return;
  await domain.setVcpus(vcpus);
  const { pins = [] } = tenant.metadata;
  for (let vcpu = plugged; vcpu < vcpus; vcpu++) {
    const cores = pins[vcpu] ?? [];
    if (cores.length > 0) await domain.pinVcpu(vcpu, cores);
  }
}

/** A favour to the host: vCPUs that are offline in the guest cost next to nothing, so that a guest may refuse. */
export async function unplugVcpus(domain: Domain, vcpus: number): Promise<void> {
  try {
    if ((await domain.vcpus()) > vcpus) await domain.setVcpus(vcpus);
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
  }
}

/** Asks the guest's device for a total of `memoryMiB`, warm memory included. Resolves with what was asked. */
export async function requestMemory(domain: Domain, tenant: Tenant, memoryMiB: number): Promise<number> {
  const { layout, identity } = tenant.memory;
  const granted = grantFor(layout, memoryMiB);
  switch (layout.device) {
    case 'virtio-mem':
      if (layout.deviceMiB > 0) await domain.updateDevice(memoryDevice(layout, granted, identity));
      return granted;
    case 'balloon':
      await domain.setMemory(granted * 1024);
      await writeMetadata(domain, tenant, { ...tenant.metadata, balloonMiB: granted });
      return granted;
    case 'dimm':
      return await plugDimms(domain, tenant, granted);
  }
}

/** What the guest was given, warm memory included. */
async function grantedMemory(domain: Domain, tenant: Tenant): Promise<number> {
  return tenant.metadata.balloonMiB ?? (await readMemory(domain, tenant)).grantedMiB;
}

async function readMemory(domain: Domain, tenant: Tenant): Promise<LiveMemory> {
  return parseLiveMemory(await domain.xml(), tenant.metadata.memoryDevice);
}

/** Resolves with what the guest has then: one that cannot free a module keeps it. */
async function plugDimms(domain: Domain, tenant: Tenant, memoryMiB: number): Promise<number> {
  const live = await readMemory(domain, tenant);
  const size = grantFor(live.layout, live.layout.baseMiB + 1) - live.layout.baseMiB;
  const change = Math.round((memoryMiB - live.grantedMiB) / size);
  for (let plugged = 0; plugged < change; plugged++) await domain.attachDevice(DIMM);
  for (const module of live.dimms.slice(live.dimms.length + Math.min(0, change)).reverse()) {
    await domain.detachDevice(module);
  }
  return change < 0 ? (await readMemory(domain, tenant)).grantedMiB : memoryMiB;
}

/** Asks again until the answer will do. Rejects with GuestUnreachable, saying `what` the guest does not have. */
export async function until<T>(
  tenant: Tenant,
  signal: AbortSignal,
  what: string,
  ask: () => Promise<T>,
  done: (answer: T) => boolean,
): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (done(answer)) return answer;
    if (signal.aborted) {
      throw new GuestUnreachable(tenant.name, `does not have ${what} yet: ${JSON.stringify(answer)}`);
    }
    await delay(POLL_MS);
  }
}
