/** What this process keeps of one running domain: where its counters are, its agent, its memory device. */
import { SAMPLE_COLUMNS } from '../port/mod.ts';
import type { Domain } from './binding/mod.ts';
import { GuestLink } from './guest-link.ts';
import { type LiveMemory, parseLiveMemory } from './memory.ts';
import type { DomainMetadata } from './metadata.ts';
import { DomainProbe, findQemu } from './telemetry/mod.ts';

export class Tenant implements Disposable {
  readonly name: string;
  readonly uuid: string;
  readonly guest: GuestLink;
  readonly memory: LiveMemory;
  metadata: DomainMetadata;
  /** Its counters in the kernel; undefined if its process could not be found. */
  readonly probe: DomainProbe | undefined;

  private constructor(
    domain: Domain,
    metadata: DomainMetadata,
    memory: LiveMemory,
    guest: GuestLink,
    probe?: DomainProbe,
  ) {
    this.name = domain.name;
    this.uuid = domain.uuid;
    this.metadata = metadata;
    this.memory = memory;
    this.guest = guest;
    this.probe = probe;
  }

  /** Finds the domain's process and counters. */
  static async adopt(domain: Domain, metadata: DomainMetadata, agentSocket: string): Promise<Tenant> {
    const memory = parseLiveMemory(await domain.xml(), metadata.memoryDevice);
    const guest = new GuestLink(domain.name, agentSocket);
    const pid = await findQemu(domain.uuid);
    // Undefined too if the process ended before its files could be opened.
    const probe = pid === undefined ? undefined : await DomainProbe.open(pid).catch(() => undefined);
    return new Tenant(domain, metadata, memory, guest, probe);
  }

  /** Writes one row of SAMPLE_COLUMNS at `offset`. */
  sample(out: Float64Array, offset: number): void {
    this.guest.start();
    const stats = this.guest.stats;
    out[offset] = this.probe?.cpuSeconds() ?? Number.NaN;
    out[offset + 1] = this.probe?.throttledSeconds() ?? Number.NaN;
    out[offset + 2] = stats?.memoryTotalMiB ?? Number.NaN;
    out[offset + 3] = stats?.memoryAvailableMiB ?? Number.NaN;
    out[offset + 4] = stats?.onlineVcpus ?? Number.NaN;
  }

  [Symbol.dispose](): void {
    this.guest[Symbol.dispose]();
    this.probe?.[Symbol.dispose]();
  }
}

/** Number of columns of a row. */
export const ROW_LENGTH = SAMPLE_COLUMNS.length;
