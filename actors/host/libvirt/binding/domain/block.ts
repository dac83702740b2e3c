/** A domain's disks: counters, limits, contents, and the jobs that move their data. */
import { DomainAffect } from '../constants.ts';
import { roomFor, Structure } from '../structure.ts';
import type { TypedParameter, TypedParameters } from '../typed-parameters.ts';
import { DomainDevices } from './devices.ts';

/** virDomainBlockInfo, in bytes. */
export interface BlockInfo {
  /** What the guest sees. */
  readonly capacity: number;
  /** Highest byte written. */
  readonly allocation: number;
  /** What its file takes. */
  readonly physical: number;
}

/** virDomainBlockJobInfo. */
export interface BlockJobInfo {
  /** virDomainBlockJobType. */
  readonly type: number;
  /** Limit: MiB/s, bytes/s with VIR_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES; 0 for none. */
  readonly bandwidth: number;
  /** How far it is, of {@link end}; where they are equal it is ready or over. */
  readonly current: number;
  readonly end: number;
}

export interface BlockJobOptions {
  /** MiB/s, or bytes/s by a flag; default 0, without limit. */
  readonly bandwidth?: number;
  /** VIR_DOMAIN_BLOCK_COMMIT_*, _PULL_*, _REBASE_*. */
  readonly flags?: number;
}

/** sizeof(virDomainBlockInfo), sizeof(virDomainBlockJobInfo), sizeof(virDomainDiskError). */
const INFO_SIZE = 24;
const JOB_INFO_SIZE = 32;
const DISK_ERROR_SIZE = 16;

/** `disk`: the target (`vda`) or the path of its source. */
export class DomainBlock extends DomainDevices {
  /** Counters, VIR_DOMAIN_BLOCK_STATS_*: `rd_bytes`, `wr_operations`. */
  async blockStats(disk: string): Promise<TypedParameters> {
    return this.readParameters((memory, count) =>
      this.calls.status('virDomainBlockStatsFlags', this.live(), disk, memory, count, 0),
    );
  }

  async blockInfo(disk: string): Promise<BlockInfo> {
    const info = new Structure(INFO_SIZE);
    await this.calls.status('virDomainGetBlockInfo', this.live(), disk, info.bytes, 0);
    return { capacity: info.ulong(0), allocation: info.ulong(8), physical: info.ulong(16) };
  }

  /** Limits, VIR_DOMAIN_BLOCK_IOTUNE_*: `total_bytes_sec`, `read_iops_sec`. 0 for none. */
  async blockIoTune(disk: string, flags: number = DomainAffect.current): Promise<TypedParameters> {
    return this.readParameters((memory, count) =>
      this.calls.status('virDomainGetBlockIoTune', this.live(), disk, memory, count, flags),
    );
  }

  async setBlockIoTune(
    disk: string,
    parameters: readonly TypedParameter[],
    flags: number = DomainAffect.live,
  ): Promise<void> {
    await this.withParameters(parameters, (memory, count) =>
      this.calls.status('virDomainSetBlockIoTune', this.live(), disk, memory, count, flags),
    );
  }

  /** Grows the disk; the guest is told. KiB, or bytes with VIR_DOMAIN_BLOCK_RESIZE_BYTES. */
  async blockResize(disk: string, size: number, flags = 0): Promise<void> {
    await this.calls.status('virDomainBlockResize', this.live(), disk, size, flags);
  }

  /** Reads `size` bytes of the disk's file from `offset`. */
  async blockPeek(disk: string, offset: number, size: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(roomFor('virDomainBlockPeek', 'size', size));
    await this.calls.status('virDomainBlockPeek', this.live(), disk, offset, size, bytes, 0);
    return bytes;
  }

  /** Merges the overlays from `top` (null: the active one) down into `base` (null: the lowest). */
  async blockCommit(
    disk: string,
    base: string | null,
    top: string | null,
    { bandwidth = 0, flags = 0 }: BlockJobOptions = {},
  ): Promise<void> {
    await this.calls.status('virDomainBlockCommit', this.live(), disk, base, top, bandwidth, flags);
  }

  /** Copies everything below the active overlay into it. */
  async blockPull(disk: string, { bandwidth = 0, flags = 0 }: BlockJobOptions = {}): Promise<void> {
    await this.calls.status('virDomainBlockPull', this.live(), disk, bandwidth, flags);
  }

  /** As {@link blockPull} down to `base`, which stays. */
  async blockRebase(
    disk: string,
    base: string | null,
    { bandwidth = 0, flags = 0 }: BlockJobOptions = {},
  ): Promise<void> {
    await this.calls.status('virDomainBlockRebase', this.live(), disk, base, bandwidth, flags);
  }

  /** Mirrors the disk to the `<disk>` of `destinationXml`. Parameters: VIR_DOMAIN_BLOCK_COPY_*. */
  async blockCopy(
    disk: string,
    destinationXml: string,
    parameters: readonly TypedParameter[] = [],
    flags = 0,
  ): Promise<void> {
    await this.withParameters(parameters, (memory, count) =>
      this.calls.status('virDomainBlockCopy', this.live(), disk, destinationXml, memory, count, flags),
    );
  }

  /** The job on the disk; undefined when there is none. */
  async blockJobInfo(disk: string, flags = 0): Promise<BlockJobInfo | undefined> {
    const info = new Structure(JOB_INFO_SIZE);
    const found = await this.calls.status('virDomainGetBlockJobInfo', this.live(), disk, info.bytes, flags);
    if (found === 0) return undefined;
    return { type: info.int(0), bandwidth: info.ulong(8), current: info.ulong(16), end: info.ulong(24) };
  }

  /** Ends the job on the disk; with VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT the domain goes on with its result. */
  async blockJobAbort(disk: string, flags = 0): Promise<void> {
    await this.calls.status('virDomainBlockJobAbort', this.live(), disk, flags);
  }

  async blockJobSetSpeed(disk: string, bandwidth: number, flags = 0): Promise<void> {
    await this.calls.status('virDomainBlockJobSetSpeed', this.live(), disk, bandwidth, flags);
  }

  /** Asks for the event blockThreshold when the disk is written beyond `threshold` bytes. */
  async setBlockThreshold(disk: string, threshold: number): Promise<void> {
    await this.calls.status('virDomainSetBlockThreshold', this.live(), disk, threshold, 0);
  }

  /** Disks that stopped the domain: virDomainDiskErrorCode (1 unspecified, 2 no space). */
  async diskErrors(): Promise<{ readonly disk: string; readonly error: number }[]> {
    const room = await this.calls.status('virDomainGetDiskErrors', this.live(), null, 0, 0);
    if (room === 0) return [];
    const bytes = new Uint8Array(room * DISK_ERROR_SIZE);
    const count = await this.calls.status('virDomainGetDiskErrors', this.live(), bytes, room, 0);
    const list = new Structure(bytes);
    return Array.from({ length: count }, (_, index) => {
      const at = index * DISK_ERROR_SIZE;
      const one = { disk: list.text(at) ?? '', error: list.int(at + 8) };
      const name = list.pointer(at);
      if (name !== null) this.calls.native.free(name);
      return one;
    });
  }
}
