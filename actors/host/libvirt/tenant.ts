/** What this process keeps of one running domain: where its counters are, its agent, its memory device. */
import { SAMPLE_COLUMNS } from '../port.ts';
import type { Domain } from './binding/mod.ts';
import { GuestLink } from './guest-link.ts';
import { type LiveMemory, parseLiveMemory } from './memory.ts';
import type { DomainMetadata } from './metadata.ts';
import { findCgroups, findQemu } from './process.ts';
import { DomainUsage } from './usage.ts';

export class Tenant implements Disposable {
  readonly name: string;
  readonly uuid: string;
  readonly guest: GuestLink;
  readonly memory: LiveMemory;
  metadata: DomainMetadata;
  readonly #usage: DomainUsage | undefined;

  private constructor(
    domain: Domain,
    metadata: DomainMetadata,
    memory: LiveMemory,
    guest: GuestLink,
    usage?: DomainUsage,
  ) {
    this.name = domain.name;
    this.uuid = domain.uuid;
    this.metadata = metadata;
    this.memory = memory;
    this.guest = guest;
    this.#usage = usage;
  }

  /** Finds the domain's process and counters. */
  static async adopt(domain: Domain, metadata: DomainMetadata, agentSocket: string): Promise<Tenant> {
    const memory = parseLiveMemory(await domain.xml());
    const guest = new GuestLink(domain.name, agentSocket);
    const pid = await findQemu(domain.uuid);
    const usage = pid === undefined ? undefined : await openUsage(pid);
    return new Tenant(domain, metadata, memory, guest, usage);
  }

  /** Writes one row of SAMPLE_COLUMNS at `offset`. */
  sample(out: Float64Array, offset: number): void {
    this.guest.start();
    const stats = this.guest.stats;
    out[offset] = this.#usage?.cpuSeconds() ?? Number.NaN;
    out[offset + 1] = this.#usage?.throttledSeconds() ?? Number.NaN;
    out[offset + 2] = stats?.memoryTotalMiB ?? Number.NaN;
    out[offset + 3] = stats?.memoryAvailableMiB ?? Number.NaN;
    out[offset + 4] = stats?.onlineVcpus ?? Number.NaN;
  }

  [Symbol.dispose](): void {
    this.guest[Symbol.dispose]();
    this.#usage?.[Symbol.dispose]();
  }
}

/** Number of columns of a row. */
export const ROW_LENGTH = SAMPLE_COLUMNS.length;

/** Undefined if the process ended before its files could be opened. */
async function openUsage(pid: number): Promise<DomainUsage | undefined> {
  try {
    return new DomainUsage(await findCgroups(pid), pid);
  } catch {
    return undefined;
  }
}
