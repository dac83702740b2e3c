/** The libvirt driver of the Hypervisor port: real QEMU guests, transient, found again by their metadata. */
import { join } from 'node:path';
import { absentCheckpoints, absentWarmth } from '../absent.ts';
import type { GuestAgent } from '../agent/mod.ts';
import { checkName, checkSpec } from '../check-spec.ts';
import { checkFineGrain } from '../check-tuning.ts';
import { DomainExists, DomainNotFound, HypervisorError } from '../errors.ts';
import type {
  Checkpoints,
  DomainSpec,
  DomainStatus,
  HostInfo,
  Hypervisor,
  HypervisorCapabilities,
  LifecycleEvent,
  Migration,
  Tuning,
  Warmth,
} from '../port/mod.ts';
import type { HostTelemetry } from '../telemetry/mod.ts';
import { Access } from './access.ts';
import { type Connection, type Domain, DomainListFlag } from './binding/mod.ts';
import { type Discovered, discover } from './capabilities/mod.ts';
import { LibvirtCheckpoints } from './checkpoint/mod.ts';
import { domainXml } from './domain-xml.ts';
import { excludeOthers, socketFolder } from './exclusion.ts';
import { isGone } from './failures.ts';

import { LifecycleFeed } from './lifecycle-feed.ts';
import { Link } from './link.ts';
import { LibvirtMigration, type Reach } from './migration/mod.ts';
import { Residents } from './residents.ts';
import { Resize } from './resize.ts';
import { RunFiles } from './run-files.ts';
import { readStatus } from './status.ts';
import { LibvirtTelemetry } from './telemetry/mod.ts';
import { ROW_LENGTH, type Tenant } from './tenant.ts';
import { LibvirtTuning, removeShaping, sweepShaping } from './tuning/mod.ts';
import { LibvirtWarmth } from './warmth/mod.ts';

export interface LibvirtOptions {
  /** `qemu:///system`, or with `?socket=` the daemon's own socket. */
  readonly uri: string;
  /** Folder for agent sockets and console logs; absolute and short: the path of a socket has at most 99 bytes. */
  readonly runDir: string;
  /** Folder for disks and checkpoints, absolute; on a disk with room for the guests' memory. Default: `store` in `runDir`. */
  readonly storeDir?: string;
  /** `kvm` only if a guest is known to boot under it; default `tcg`. */
  readonly acceleration?: 'kvm' | 'tcg';
  /** What guests may have of the host together. Default: all it has. */
  readonly capacity?: Partial<Pick<HostInfo, 'cores' | 'memoryMiB'>>;
  /** Keep other host agents off this libvirt: `HostTaken` if one is there. For whoever changes domains of their own accord. */
  readonly exclusive?: boolean;
  /** How long a guest may take to have the vCPUs or warm memory it is given, ms; default 15 000. */
  readonly guestDeadlineMs?: number;
  /** For guests that migrate here from hosts that do not share this one's file system. Default: over unix sockets. */
  readonly reach?: Reach;
  /** QEMU here has the fix of 9.0 for emulated guests that migrate while they run, whatever its version says. */
  readonly soundDirtyTracking?: boolean;
}

const GUEST_DEADLINE_MS = 15_000;

/** Connects to libvirt. Rejects with HypervisorUnavailable, also when libvirt is not installed. */
export async function createLibvirtHypervisor(options: LibvirtOptions): Promise<Hypervisor> {
  return LibvirtHypervisor.open(options);
}

class LibvirtHypervisor implements Hypervisor {
  readonly migration: Migration;
  readonly #options: LibvirtOptions;
  readonly #files: RunFiles;
  readonly #residents: Residents;
  readonly #feed: LifecycleFeed;
  #access!: Access;
  #host!: Discovered;
  #resize!: Resize;
  #telemetry!: LibvirtTelemetry;
  #tuning!: Tuning;
  #warmth!: Warmth;
  #storage!: LibvirtCheckpoints;
  #lock: Disposable | undefined;

  private constructor(options: LibvirtOptions, files: RunFiles) {
    this.#options = options;
    this.#files = files;
    this.#residents = new Residents((name) => files.agentSocket(name));
    this.#feed = new LifecycleFeed({
      residents: this.#residents,
      meet: (name) => this.#meet(name),
      onEnd: (name) => this.#onEnd(name),
    });
    this.migration = new LibvirtMigration({
      uri: options.uri,
      runDir: options.runDir,
      storeDir: storeDirOf(options),
      reach: options.reach,
      acceleration: options.acceleration ?? 'tcg',
      soundDirtyTracking: options.soundDirtyTracking ?? false,
      access: () => this.#access,
      feed: this.#feed,
      checkpoints: () => this.checkpoints,
      agent: (name, signal) => this.agent(name, { signal }),
      tidy: async (name) => {
        await files.removeAll(name);
        await this.#storage.forget(name);
      },
    });
  }

  get capabilities(): HypervisorCapabilities {
    return this.#host.capabilities;
  }

  get telemetry(): HostTelemetry {
    return this.#telemetry;
  }

  get tuning(): Tuning {
    return this.#tuning;
  }

  get warmth(): Warmth {
    return this.#warmth;
  }

  get checkpoints(): Checkpoints {
    if (this.capabilities.checkpoints === 'live') return this.#storage;
    return absentCheckpoints('this libvirt does not run QEMU');
  }

  static async open(options: LibvirtOptions): Promise<LibvirtHypervisor> {
    const hypervisor = new LibvirtHypervisor(options, await RunFiles.prepare(options.runDir));
    const { uri } = options;
    await using opening = new AsyncDisposableStack();
    hypervisor.#access = new Access(hypervisor.#residents, {
      telemetry: opening.use(await Link.open({ uri, onOpen: (c) => hypervisor.#feed.watch(c) })),
      control: opening.use(await Link.open({ uri })),
      jobs: opening.use(await Link.open({ uri })),
    });
    if (options.exclusive) hypervisor.#lock = opening.use(excludeOthers(socketFolder(uri, process.env)));
    const access = hypervisor.#access;
    hypervisor.#telemetry = opening.use(
      new LibvirtTelemetry({
        probeOf: (name) => hypervisor.#residents.get(name)?.probe,
        ask: (task, name) => access.ask(task, 'telemetry', name),
      }),
    );
    await hypervisor.#discover();
    hypervisor.#storage = await LibvirtCheckpoints.open({
      folder: storeDirOf(options),
      access: hypervisor.#access,
      feed: hypervisor.#feed,
      status: (domain, tenant) => hypervisor.#status(domain, tenant),
    });
    await hypervisor.list();
    await sweepShaping(options.runDir, (name) => hypervisor.#residents.get(name) !== undefined);
    opening.move();
    return hypervisor;
  }

  /** Finds out what can be done here, and makes the parts that depend on it. */
  async #discover(): Promise<void> {
    const { uri, acceleration = 'tcg', guestDeadlineMs: deadlineMs = GUEST_DEADLINE_MS } = this.#options;
    const live = new URL(uri).protocol.startsWith('qemu') ? 'live' : 'none';
    const given = { acceleration, checkpoints: live, migration: live } as const;
    this.#host = await this.#access.ask((connection) => discover(connection, given));
    const { capabilities } = this.#host;
    this.#resize = new Resize(this.#access, { capabilities, deadlineMs });
    this.#tuning = new LibvirtTuning(this.#access, { ...this.#host, owner: this.#options.runDir });
    this.#warmth =
      live === 'live'
        ? new LibvirtWarmth(this.#access, { capabilities, deadlineMs })
        : absentWarmth('this libvirt does not run QEMU');
  }

  async info(): Promise<HostInfo> {
    return this.#access.ask(async (connection) => {
      const node = await connection.nodeInfo();
      const version = await connection.version();
      const { total = node.memoryKiB } = await connection.nodeMemory();
      return {
        hostname: await connection.hostname(),
        cores: node.cpus,
        memoryMiB: Math.floor(total / 1024),
        ...this.#options.capacity,
        version: `libvirt ${version.libvirt}, ${version.type} ${version.hypervisor}, ${this.capabilities.acceleration}`,
      };
    });
  }

  async list(): Promise<DomainStatus[]> {
    return this.#access.ask(async (connection) => {
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
    checkFineGrain(spec, this.capabilities, this.#host.topology.nodes);
    const { name } = spec;
    const xmlOptions = {
      acceleration: this.#options.acceleration ?? 'tcg',
      cpuQuota: this.capabilities.cpuQuota,
      agentSocket: this.#files.agentSocket(name),
      consoleLog: this.#files.consoleLog(name),
      nodes: this.capabilities.memoryNodes ? this.#host.topology.nodes : [],
    } as const;
    options.signal?.throwIfAborted();
    if (await this.#access.exists(name)) throw new DomainExists(name);
    const status = await this.#storage.withDisks(spec, (disks) =>
      this.#create(name, domainXml(spec, { ...xmlOptions, disks })),
    );
    if (options.signal?.aborted) {
      await this.destroy(name);
      options.signal.throwIfAborted();
    }
    return status;
  }

  async destroy(name: string): Promise<void> {
    checkName(name);
    try {
      await this.#feed.ended(name, () => this.#access.on('jobs', name, (domain) => domain.destroy()));
    } catch (error) {
      if (!(error instanceof DomainNotFound)) throw error;
    }
    this.#residents.forget(name);
    if (await this.#access.exists(name)) return;
    await this.#files.removeAll(name);
    await this.#storage.forget(name);
    await removeShaping({ owner: this.#options.runDir, domain: name });
  }

  setCores(name: string, cores: number): Promise<void> {
    return this.#resize.setCores(name, cores);
  }

  setVcpus(name: string, vcpus: number): Promise<void> {
    return this.#resize.setVcpus(name, vcpus);
  }

  setMemory(name: string, memoryMiB: number): Promise<number> {
    return this.#resize.setMemory(name, memoryMiB);
  }

  async agent(name: string, options: { readonly signal?: AbortSignal } = {}): Promise<GuestAgent> {
    const tenant =
      this.#residents.get(name) ?? (await this.#access.on('telemetry', name, async (_, found) => found));
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
    this.#telemetry[Symbol.dispose]();
    await this.#access[Symbol.asyncDispose]();
    this.#lock?.[Symbol.dispose]();
  }

  async #create(name: string, xml: string): Promise<DomainStatus> {
    return await this.#feed.expecting(name, () =>
      this.#access.ask(
        async (connection) => {
          using domain = await this.#start(connection, name, xml);
          const tenant = await this.#residents.adopt(domain);
          if (tenant === undefined) throw new DomainNotFound(name);
          tenant.guest.start();
          return await this.#status(domain, tenant);
        },
        'jobs',
        name,
      ),
    );
  }

  async #start(connection: Connection, name: string, xml: string): Promise<Domain> {
    try {
      return await connection.createXML(xml);
    } catch (error) {
      // Somebody else was faster with the name.
      if (await this.#access.exists(name)) throw new DomainExists(name);
      await this.#files.removeSocket(name);
      throw error;
    }
  }

  #status(domain: Domain, tenant: Tenant): Promise<DomainStatus> {
    return readStatus(domain, tenant.metadata, this.capabilities.cpuQuota);
  }

  /** Whether a domain that somebody else started is ours. */
  async #meet(name: string): Promise<boolean> {
    try {
      await this.#access.on('telemetry', name, async () => {});
      return true;
    } catch (error) {
      if (error instanceof HypervisorError) return false;
      throw error;
    }
  }

  #onEnd(name: string): void {
    this.#residents.forget(name);
    void this.#files.removeSocket(name);
    void removeShaping({ owner: this.#options.runDir, domain: name });
  }
}

function storeDirOf({ runDir, storeDir }: LibvirtOptions): string {
  return storeDir ?? join(runDir, 'store');
}
