/** A domain's memory: its size, what the balloon tells of it, its contents, how fast it changes. */
import { DomainAffect } from '../constants.ts';
import * as C from '../generated/constants.ts';
import { roomFor, Structure } from '../structure.ts';
import { DomainLimits } from './limits.ts';

/** virDomainMemoryStats; a driver leaves out what it does not know. KiB, faults in number. */
export interface MemoryStats {
  readonly swapIn?: number;
  readonly swapOut?: number;
  readonly majorFaults?: number;
  readonly minorFaults?: number;
  /** Free, without caches. */
  readonly unused?: number;
  /** All that the guest sees. */
  readonly available?: number;
  /** Size of the balloon. */
  readonly actualBalloon?: number;
  /** Of the emulator's process, on the host. */
  readonly rss?: number;
  /** Could be used without swapping. */
  readonly usable?: number;
  /** When the guest told these, in seconds since 1970. */
  readonly lastUpdate?: number;
  readonly diskCaches?: number;
  readonly hugetlbPagesAllocated?: number;
  readonly hugetlbPagesFailed?: number;
}

const STAT_NAMES: Readonly<Record<number, keyof MemoryStats>> = {
  [C.VIR_DOMAIN_MEMORY_STAT_SWAP_IN]: 'swapIn',
  [C.VIR_DOMAIN_MEMORY_STAT_SWAP_OUT]: 'swapOut',
  [C.VIR_DOMAIN_MEMORY_STAT_MAJOR_FAULT]: 'majorFaults',
  [C.VIR_DOMAIN_MEMORY_STAT_MINOR_FAULT]: 'minorFaults',
  [C.VIR_DOMAIN_MEMORY_STAT_UNUSED]: 'unused',
  [C.VIR_DOMAIN_MEMORY_STAT_AVAILABLE]: 'available',
  [C.VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON]: 'actualBalloon',
  [C.VIR_DOMAIN_MEMORY_STAT_RSS]: 'rss',
  [C.VIR_DOMAIN_MEMORY_STAT_USABLE]: 'usable',
  [C.VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE]: 'lastUpdate',
  [C.VIR_DOMAIN_MEMORY_STAT_DISK_CACHES]: 'diskCaches',
  [C.VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGALLOC]: 'hugetlbPagesAllocated',
  [C.VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGFAIL]: 'hugetlbPagesFailed',
};
/** struct _virDomainMemoryStat: int tag; unsigned long long val. */
const STAT_SIZE = 16;
/** More than there are kinds, for a newer libvirt. */
const STAT_ROOM = 32;

export class DomainMemory extends DomainLimits {
  /** Sets the balloon's target, KiB. */
  async setMemory(kib: number, flags: number = DomainAffect.live): Promise<void> {
    await this.calls.status('virDomainSetMemoryFlags', this.live(), kib, flags);
  }

  /** Sets the most that the balloon can give, KiB; not while the domain runs. */
  async setMaxMemory(kib: number, flags: number = DomainAffect.config): Promise<void> {
    await this.setMemory(kib, flags | C.VIR_DOMAIN_MEM_MAXIMUM);
  }

  /** The most memory it can have, KiB. */
  async maxMemory(): Promise<number> {
    return this.calls.amount('virDomainGetMaxMemory', this.live());
  }

  async memoryStats(): Promise<MemoryStats> {
    const bytes = new Uint8Array(STAT_ROOM * STAT_SIZE);
    const count = await this.calls.status('virDomainMemoryStats', this.live(), bytes, STAT_ROOM, 0);
    const stats = new Structure(bytes);
    const named: { -readonly [K in keyof MemoryStats]: number } = {};
    for (let index = 0; index < count; index++) {
      const name = STAT_NAMES[stats.int(index * STAT_SIZE)];
      if (name !== undefined) named[name] = stats.ulong(index * STAT_SIZE + 8);
    }
    return named;
  }

  /** How often the balloon tells statistics, in seconds; 0 never. */
  async setMemoryStatsPeriod(seconds: number, flags: number = DomainAffect.live): Promise<void> {
    await this.calls.status('virDomainSetMemoryStatsPeriod', this.live(), seconds, flags);
  }

  /** Reads `size` bytes of the guest's memory from `start`. `flags`: VIR_MEMORY_VIRTUAL or VIR_MEMORY_PHYSICAL. */
  async memoryPeek(
    start: number | bigint,
    size: number,
    flags: number = C.VIR_MEMORY_PHYSICAL,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(roomFor('virDomainMemoryPeek', 'size', size));
    await this.calls.status('virDomainMemoryPeek', this.live(), start, size, bytes, flags);
    return bytes;
  }

  /** Begins to measure for some seconds how fast memory changes: read it from the statistics group dirtyRate. */
  async startDirtyRateCalc(seconds: number, flags = 0): Promise<void> {
    await this.calls.status('virDomainStartDirtyRateCalc', this.live(), seconds, flags);
  }
}
