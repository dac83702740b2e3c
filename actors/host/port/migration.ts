/** Moving a running domain to another host; whatever fails, exactly one of the two runs it afterwards. */

/** How to reach the other hypervisor. Made by its `Migration.target()`. */
export interface MigrationTarget {
  /** Name of the host, for people. */
  readonly host: string;
  /** Where the source connects to the other hypervisor: `qemu+unix:///system?socket=/run/b/libvirt-sock`. */
  readonly uri: string;
  /** Where the memory goes: a unix socket's path, or host and port inside a network that is the grid's own. */
  readonly via:
    | { readonly kind: 'unix'; readonly folder: string }
    | { readonly kind: 'tcp'; readonly address: string; readonly tls: boolean };
  /** Folders of the other driver, for the paths that stand in the domain's XML: sockets and consoles, and disks. */
  readonly runDir: string;
  readonly storeDir: string;
}

/** How far a migration has come. Amounts in MiB, of memory and disks together. */

export interface MigrationProgress {
  readonly phase: 'preparing' | 'copying' | 'post-copy' | 'switching' | 'probing' | 'returning' | 'cold';
  readonly remainingMiB?: number;
  readonly dirtyMiBps?: number;
  readonly throughputMiBps?: number;
  readonly iteration?: number;
}

export interface MigrationOptions {
  /** The guest may stand still so long at the switch, ms. Default 300. */
  readonly downtimeMs?: number;
  /** All of it, ms. Default 120 000. */
  readonly deadlineMs?: number;
  /** Without progress for so long, it counts as stalled: then post-copy, or back. Default 10 000. */
  readonly stallMs?: number;
  /** Most that the copying may take of the network, MiB/s. Default: no limit. */
  readonly bandwidthMiBps?: number;
  /** Throttle the guest when it dirties memory faster than it is copied. Default true. */
  readonly autoConverge?: boolean;
  /**
   * Switch first and copy the rest afterwards when it stalls: a failure then loses the guest, and after the switch
   * neither cancelling nor the deadline has an effect. Default false.
   */
  readonly postCopy?: boolean;
  /** Copy local disks as well. Default: if there are any. */
  readonly copyStorage?: boolean;
  /**
   * What there is to go back to when the guest arrives and does not answer. `checkpoint`: one taken just before, removed
   * when the guest has answered. `none` (the default): it is woken, then migrated back as it is; if that does not help
   * it is lost. A cold migration always has its own way back.
   */
  readonly wayBack?: 'none' | 'checkpoint';
  /** How long the guest may take to answer at the target, ms. Default 30 000. */
  readonly probeMs?: number;
  /**
   * Asks the guest at the target whether it lives; rejects if not. Default: over its agent's socket in the target's run
   * folder. The channel takes one client: give a probe of its own where another process may hold it.
   */
  readonly probe?: (signal: AbortSignal) => Promise<unknown>;
  /** Stop, save, move, restore: when live migration cannot be done. Default `never`. */
  readonly cold?: 'never' | 'fallback' | 'only';
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: MigrationProgress) => void;
}

export interface MigrationReport {
  readonly domain: string;
  readonly from: string;
  readonly to: string;
  /** `returned`: it runs on at the source, `why` says what went wrong. */
  readonly outcome: 'moved' | 'returned';
  /** `stopped`: the guest stood still while it was copied, because the hypervisor cannot follow what a running one writes. */
  readonly method: 'pre-copy' | 'post-copy' | 'stopped' | 'cold';
  readonly why?: string;
  /** How long the guest stood still, ms, as measured; 0 if it never did. */
  readonly downtimeMs: number;
  readonly totalMs: number;
  readonly copiedMiB: number;
  /** From the return of the call that moves it to the guest's answer at the target, ms; absent if none came. */
  readonly answeredMs?: number;
  /** The target could not be asked whether anything was left there: call `resolve` when it can. */
  readonly unsettled?: true;
}

export interface Migration {
  /** How others reach this host. Rejects with `CapabilityMissing`. */
  target(): Promise<MigrationTarget>;
  /**
   * Moves the domain, then asks the guest's agent on the other side whether it lives; brings it back if not.
   * Rejects with `MigrationRefused` before anything was begun; afterwards every failure is a report with `returned`, or
   * `MigrationLost` when neither side runs it, or `HypervisorUnavailable` when this host's hypervisor is gone: then
   * `resolve` when it is back. Listeners of this host hear of it once: `migrated`, or the end of a domain that was lost.
   */
  migrate(domain: string, target: MigrationTarget, options?: MigrationOptions): Promise<MigrationReport>;
  /**
   * After a crash in mid-migration: who runs the domain, and ends what was left over on either side. A copying still
   * under way is aborted. A domain of another UUID under the same name is not ours and stays. Idempotent.
   * Rejects with `HypervisorUnavailable` if a side cannot be asked.
   */
  resolve(domain: string, target: MigrationTarget): Promise<'here' | 'there' | 'nowhere'>;
}
