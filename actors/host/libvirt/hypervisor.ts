/** The libvirt driver of the Hypervisor port: real QEMU guests, transient, found again by their metadata. */
import { setTimeout as delay } from 'node:timers/promises';
import type { GuestAgent } from '../agent/mod.ts';
import { checkCores, checkMemory, checkName, checkSpec, checkVcpus } from '../check-spec.ts';
import {
  CapabilityMissing,
  DomainExists,
  DomainNotFound,
  GuestUnreachable,
  HypervisorError,
} from '../errors.ts';
import type {
  DomainSpec,
  DomainStatus,
  HostInfo,
  Hypervisor,
  HypervisorCapabilities,
  LifecycleEvent,
} from '../port.ts';
import { bandwidthParameters } from './bandwidth.ts';
import { type Connection, type Domain, DomainListFlag } from './binding/mod.ts';
import { domainXml } from './domain-xml.ts';
import { isGone, translate } from './failures.ts';
import { LifecycleFeed } from './lifecycle-feed.ts';
import { Link } from './link.ts';
import { memoryDevice, requestFor } from './memory.ts';
import { bareMetadataElement, METADATA_NAMESPACE, METADATA_PREFIX } from './metadata.ts';
import { Residents } from './residents.ts';
import { RunFiles } from './run-files.ts';
import { readStatus } from './status.ts';
import { ROW_LENGTH, type Tenant } from './tenant.ts';

export interface LibvirtOptions {
  /** `qemu:///system`, or with `?socket=` the daemon's own socket. */
  readonly uri: string;
  /** Folder for agent sockets and console logs; absolute and short: the path of a socket has at most 99 bytes. */
  readonly runDir: string;
  /** `kvm` only if a guest is known to boot under it; default `tcg`. */
  readonly acceleration?: 'kvm' | 'tcg';
  /** How long setVcpus waits for the guest to have them online, ms; default 15 000. */
  readonly vcpuDeadlineMs?: number;
}

const VCPU_DEADLINE_MS = 15_000;
const VCPU_POLL_MS = 20;

/** Connects to libvirt. Rejects with HypervisorUnavailable, also when libvirt is not installed. */
export async function createLibvirtHypervisor(options: LibvirtOptions): Promise<Hypervisor> {
  return LibvirtHypervisor.open(options);
}

class LibvirtHypervisor implements Hypervisor {
  readonly capabilities: HypervisorCapabilities;
  readonly #options: LibvirtOptions;
  readonly #files: RunFiles;
  readonly #residents: Residents;
  readonly #feed: LifecycleFeed;
  /** Events, lists, status. */
  #telemetry!: Link;
  /** Changes of running domains: quick. */
  #control!: Link;
  /** What takes long: starting and ending domains. */
  #jobs!: Link;

  private constructor(options: LibvirtOptions, files: RunFiles) {
    this.#options = options;
    this.#files = files;
    this.#residents = new Residents((name) => files.agentSocket(name));
    this.#feed = new LifecycleFeed({
      residents: this.#residents,
      meet: (name) => this.#meet(name),
      onEnd: (name) => this.#onEnd(name),
    });
    this.capabilities = {
      kind: 'libvirt',
      acceleration: options.acceleration ?? 'tcg',
      // Unplugging a vCPU corrupts QEMU under TCG; the agent's way works everywhere and is faster.
      vcpuShrink: 'agent',
      memoryResize: 'virtio-mem',
      // Daemons of unprivileged users have no cgroups.
      cpuQuota: !new URL(options.uri).pathname.endsWith('/session'),
      survivesRestart: true,
    };
  }

  static async open(options: LibvirtOptions): Promise<LibvirtHypervisor> {
    const hypervisor = new LibvirtHypervisor(options, await RunFiles.prepare(options.runDir));
    const { uri } = options;
    await using opening = new AsyncDisposableStack();
    hypervisor.#telemetry = opening.use(await Link.open({ uri, onOpen: (c) => hypervisor.#feed.watch(c) }));
    hypervisor.#control = opening.use(await Link.open({ uri }));
    hypervisor.#jobs = opening.use(await Link.open({ uri }));
    await hypervisor.list();
    opening.move();
    return hypervisor;
  }

  async info(): Promise<HostInfo> {
    return this.#ask(async (connection) => {
      const node = await connection.nodeInfo();
      const version = await connection.version();
      const { total = node.memoryKiB } = await connection.nodeMemory();
      return {
        hostname: await connection.hostname(),
        cores: node.cpus,
        memoryMiB: Math.floor(total / 1024),
        version: `libvirt ${version.libvirt}, ${version.type} ${version.hypervisor}, ${this.capabilities.acceleration}`,
      };
    });
  }

  async list(): Promise<DomainStatus[]> {
    return this.#ask(async (connection) => {
      const statuses: DomainStatus[] = [];
      for (const domain of await connection.listAllDomains(DomainListFlag.active)) {
        using handle = domain;
        try {
          const tenant = await this.#residents.adopt(handle);
          if (tenant !== undefined) statuses.push(await this.#status(handle, tenant));
        } catch (error) {
          // One that ended since the list was made is not on it.
          if (!isGone(error)) throw error;
        }
      }
      return statuses;
    });
  }

  async create(spec: DomainSpec, options: { readonly signal?: AbortSignal } = {}): Promise<DomainStatus> {
    checkSpec(spec);
    const { name } = spec;
    const xml = domainXml(spec, {
      acceleration: this.#options.acceleration ?? 'tcg',
      cpuQuota: this.capabilities.cpuQuota,
      agentSocket: this.#files.agentSocket(name),
      consoleLog: this.#files.consoleLog(name),
    });
    options.signal?.throwIfAborted();
    const status = await this.#create(name, xml);
    if (options.signal?.aborted) {
      await this.destroy(name);
      options.signal.throwIfAborted();
    }
    return status;
  }

  async destroy(name: string): Promise<void> {
    checkName(name);
    try {
      await this.#feed.ended(name, () => this.#on(this.#jobs, name, (domain) => domain.destroy()));
    } catch (error) {
      if (!(error instanceof DomainNotFound)) throw error;
    }
    this.#residents.forget(name);
    if (!(await this.#exists(name))) await this.#files.removeAll(name);
  }

  async setCores(name: string, cores: number): Promise<void> {
    if (!this.capabilities.cpuQuota) {
      throw new CapabilityMissing(
        'cpuQuota',
        'this libvirt cannot limit CPU bandwidth',
        'use qemu:///system',
      );
    }
    await this.#on(this.#control, name, async (domain, tenant) => {
      checkCores(cores, tenant.metadata.limit);
      await domain.setSchedulerParameters(bandwidthParameters(cores));
    });
  }

  async setVcpus(name: string, vcpus: number): Promise<void> {
    const tenant = await this.#on(this.#control, name, async (domain, tenant) => {
      checkVcpus(vcpus, tenant.metadata.limit);
      // Never fewer: see capabilities.vcpuShrink.
      if (vcpus > (await domain.vcpus())) await domain.setVcpus(vcpus);
      return tenant;
    });
    await this.#bringOnline(tenant, vcpus);
    const metadata = { ...tenant.metadata, vcpus };
    await this.#on(this.#control, name, (domain) =>
      domain.setMetadata(METADATA_NAMESPACE, METADATA_PREFIX, bareMetadataElement(metadata)),
    );
    tenant.metadata = metadata;
  }

  async setMemory(name: string, memoryMiB: number): Promise<number> {
    return this.#on(this.#control, name, async (domain, tenant) => {
      checkMemory(memoryMiB, tenant.metadata.limit);
      const { layout, identity } = tenant.memory;
      const requested = requestFor(layout, memoryMiB);
      if (layout.deviceMiB > 0) await domain.updateDevice(memoryDevice(layout, requested, identity));
      return layout.baseMiB + requested;
    });
  }

  async agent(name: string, options: { readonly signal?: AbortSignal } = {}): Promise<GuestAgent> {
    const tenant =
      this.#residents.get(name) ?? (await this.#on(this.#telemetry, name, async (_, found) => found));
    return tenant.guest.agent(options.signal);
  }

  sample(names: readonly string[], out: Float64Array): void {
    names.forEach((name, index) => {
      const offset = index * ROW_LENGTH;
      const tenant = this.#residents.get(name);
      if (tenant === undefined) out.fill(Number.NaN, offset, offset + ROW_LENGTH);
      else tenant.sample(out, offset);
    });
  }

  async consoleTail(name: string): Promise<string> {
    checkName(name);
    return this.#files.consoleTail(name);
  }

  onLifecycle(listener: (event: LifecycleEvent) => void): () => void {
    return this.#feed.listen(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#feed.close();
    this.#residents[Symbol.dispose]();
    for (const link of [this.#jobs, this.#control, this.#telemetry]) await link[Symbol.asyncDispose]();
  }

  /** Asks about the host as a whole. */
  async #ask<T>(task: (connection: Connection) => Promise<T>): Promise<T> {
    try {
      return await this.#telemetry.use(task);
    } catch (error) {
      throw translate(error);
    }
  }

  /** Runs `task` on a domain of ours; DomainNotFound for any other. */
  async #on<T>(link: Link, name: string, task: (domain: Domain, tenant: Tenant) => Promise<T>): Promise<T> {
    checkName(name);
    try {
      return await link.use(async (connection) => {
        using domain = await connection.lookupByName(name);
        const tenant = await this.#residents.adopt(domain);
        if (tenant === undefined) throw new DomainNotFound(name);
        return await task(domain, tenant);
      });
    } catch (error) {
      throw translate(error, name);
    }
  }

  async #create(name: string, xml: string): Promise<DomainStatus> {
    try {
      if (await this.#exists(name)) throw new DomainExists(name);
      return await this.#feed.expecting(name, () =>
        this.#jobs.use(async (connection) => {
          using domain = await this.#start(connection, name, xml);
          const tenant = await this.#residents.adopt(domain);
          if (tenant === undefined) throw new DomainNotFound(name);
          tenant.guest.start();
          return await this.#status(domain, tenant);
        }),
      );
    } catch (error) {
      throw translate(error, name);
    }
  }

  async #start(connection: Connection, name: string, xml: string): Promise<Domain> {
    try {
      return await connection.createXML(xml);
    } catch (error) {
      // Somebody else was faster with the name.
      if (await this.#exists(name)) throw new DomainExists(name);
      await this.#files.removeSocket(name);
      throw error;
    }
  }

  /** Whether any domain has the name, ours or not. */
  async #exists(name: string): Promise<boolean> {
    return this.#telemetry.use(async (connection) => {
      try {
        using _domain = await connection.lookupByName(name);
        return true;
      } catch (error) {
        if (isGone(error)) return false;
        throw error;
      }
    });
  }

  #status(domain: Domain, tenant: Tenant): Promise<DomainStatus> {
    return readStatus(domain, tenant.metadata, this.capabilities.cpuQuota);
  }

  /** Hot-plugged vCPUs take the guest a moment to see: asks until all are online. */
  async #bringOnline(tenant: Tenant, vcpus: number): Promise<void> {
    const deadline = AbortSignal.timeout(this.#options.vcpuDeadlineMs ?? VCPU_DEADLINE_MS);
    const agent = await tenant.guest.agent(deadline);
    let online = await agent.setOnlineVcpus(vcpus);
    while (online !== vcpus) {
      if (deadline.aborted) {
        throw new GuestUnreachable(tenant.name, `has ${online} vCPUs online instead of ${vcpus}`);
      }
      await delay(VCPU_POLL_MS);
      online = await agent.setOnlineVcpus(vcpus);
    }
  }

  /** Whether a domain that somebody else started is ours. */
  async #meet(name: string): Promise<boolean> {
    try {
      await this.#on(this.#telemetry, name, async () => {});
      return true;
    } catch (error) {
      if (error instanceof HypervisorError) return false;
      throw error;
    }
  }

  #onEnd(name: string): void {
    this.#residents.forget(name);
    void this.#files.removeSocket(name);
  }
}
