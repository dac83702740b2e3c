/** What takes a domain long: watching and aborting its job, migrating it, backing its disks up. */
import type { Pointer } from '../c-types.ts';
import { encodeMigration, type MigrationParameters } from '../migration-parameters.ts';
import { Structure } from '../structure.ts';
import type { TypedParameter, TypedParameters } from '../typed-parameters.ts';
import { DomainBlock } from './block.ts';

/** virDomainJobInfo: times in milliseconds, the rest in bytes. */
export interface JobInfo {
  /** virDomainJobType: 0 none, 1 bounded, 2 unbounded, 3 completed, 4 failed, 5 cancelled. */
  readonly type: number;
  readonly timeElapsed: number;
  readonly timeRemaining: number;
  readonly dataTotal: number;
  readonly dataProcessed: number;
  readonly dataRemaining: number;
  readonly memTotal: number;
  readonly memProcessed: number;
  readonly memRemaining: number;
  readonly fileTotal: number;
  readonly fileProcessed: number;
  readonly fileRemaining: number;
}

export interface JobStats {
  /** virDomainJobType, as in {@link JobInfo}. */
  readonly type: number;
  /** VIR_DOMAIN_JOB_*: `downtime` (ms), `memory_dirty_rate` (pages/s), `memory_iteration`. */
  readonly parameters: TypedParameters;
}

/** sizeof(virDomainJobInfo). */
const JOB_INFO_SIZE = 96;

export class DomainJobs extends DomainBlock {
  async jobInfo(): Promise<JobInfo> {
    const info = new Structure(JOB_INFO_SIZE);
    await this.calls.status('virDomainGetJobInfo', this.live(), info.bytes);
    return {
      type: info.int(0),
      timeElapsed: info.ulong(8),
      timeRemaining: info.ulong(16),
      dataTotal: info.ulong(24),
      dataProcessed: info.ulong(32),
      dataRemaining: info.ulong(40),
      memTotal: info.ulong(48),
      memProcessed: info.ulong(56),
      memRemaining: info.ulong(64),
      fileTotal: info.ulong(72),
      fileProcessed: info.ulong(80),
      fileRemaining: info.ulong(88),
    };
  }

  /** More than {@link jobInfo} tells; with VIR_DOMAIN_JOB_STATS_COMPLETED of the job that ended last. */
  async jobStats(flags = 0): Promise<JobStats> {
    const type: [number] = [0];
    const list: [Pointer | null] = [null];
    const count: [number] = [0];
    await this.calls.status('virDomainGetJobStats', this.live(), type, list, count, flags);
    return { type: type[0], parameters: this.takeParameters(list[0], count[0]) };
  }

  /** Aborts the job that runs on the domain (migration, save). Call it on another connection than the job's. */
  async abortJob(flags = 0): Promise<void> {
    // The newer function exists for its flags; an older libvirt has the other one only.
    if (flags === 0) await this.calls.status('virDomainAbortJob', this.live());
    else await this.calls.status('virDomainAbortJobFlags', this.live(), flags);
  }

  /**
   * Migrates to the daemon at `uri`, which this domain's daemon connects to itself: VIR_MIGRATE_PEER2PEER must be among
   * the `flags` (VIR_MIGRATE_*). Takes as long as the migration: see abortable.
   */
  async migrateToURI3(uri: string, parameters: MigrationParameters = {}, flags = 0): Promise<void> {
    await this.withParameters(encodeMigration(parameters), (memory, count) =>
      this.calls.status('virDomainMigrateToURI3', this.live(), uri, memory, count, flags),
    );
  }

  /** Migrates to the connection at `destination`: see Connection.migrateHere, which makes the result a domain. */
  async migrate3(
    destination: Pointer,
    parameters: readonly TypedParameter[],
    flags: number,
  ): Promise<Pointer> {
    return this.withParameters(parameters, (memory, count) =>
      this.calls.pointer('virDomainMigrate3', this.live(), destination, memory, count, flags),
    );
  }

  /** The downtime that a running migration may cause, in milliseconds. */
  async migrateMaxDowntime(): Promise<number> {
    const ms: [number] = [0];
    await this.calls.status('virDomainMigrateGetMaxDowntime', this.live(), ms, 0);
    return Number(ms[0]);
  }

  async migrateSetMaxDowntime(ms: number): Promise<void> {
    await this.calls.status('virDomainMigrateSetMaxDowntime', this.live(), ms, 0);
  }

  /** MiB/s; of post-copy with VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY. */
  async migrateMaxSpeed(flags = 0): Promise<number> {
    const speed: [number] = [0];
    await this.calls.status('virDomainMigrateGetMaxSpeed', this.live(), speed, flags);
    return Number(speed[0]);
  }

  async migrateSetMaxSpeed(mibPerSecond: number, flags = 0): Promise<void> {
    await this.calls.status('virDomainMigrateSetMaxSpeed', this.live(), mibPerSecond, flags);
  }

  /** Bytes of the cache for compressed migration. */
  async migrateCompressionCache(): Promise<number> {
    const bytes: [number] = [0];
    await this.calls.status('virDomainMigrateGetCompressionCache', this.live(), bytes, 0);
    return Number(bytes[0]);
  }

  async migrateSetCompressionCache(bytes: number): Promise<void> {
    await this.calls.status('virDomainMigrateSetCompressionCache', this.live(), bytes, 0);
  }

  /** Lets the guest run at the destination at once, and fetch what memory it lacks. Needs VIR_MIGRATE_POSTCOPY. */
  async migrateStartPostCopy(): Promise<void> {
    await this.calls.status('virDomainMigrateStartPostCopy', this.live(), 0);
  }

  /** Begins a backup of disks, with a checkpoint of the same moment if `checkpointXml` is given. */
  async backupBegin(backupXml: string, checkpointXml: string | null = null, flags = 0): Promise<void> {
    await this.calls.status('virDomainBackupBegin', this.live(), backupXml, checkpointXml, flags);
  }

  /** The XML of the backup that runs. */
  async backupXml(): Promise<string> {
    return this.calls.text('virDomainBackupGetXMLDesc', this.live(), 0);
  }
}
