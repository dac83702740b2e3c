/** Checkpoints of running domains: memory, devices and disks at one moment, and the way back to it. */
import type { Allocation, DomainStatus } from './domain.ts';

export interface Checkpoint {
  /** Unique for the domain; `[a-z0-9][a-z0-9-]{0,62}`. */
  readonly id: string;
  readonly domain: string;
  readonly jobId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** What the domain had then, and has again after a rollback. */
  readonly allocation: Allocation;
  /** On the host's disk: memory image and overlays that only this checkpoint needs. */
  readonly bytes: number;
  /** How long the guest stood still, ms. */
  readonly pausedMs: number;
  /** When it was last shown to be restorable, ms since the epoch. */
  readonly verifiedAt?: number;
}

export interface CheckpointProgress {
  readonly phase: 'preparing' | 'saving' | 'verifying' | 'restoring' | 'merging';
  /** 0 to 1, where it is known. */
  readonly done?: number;
}

export interface CheckpointCall {
  /** Default 60 000. What is not done by then is undone: the domain runs on. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: CheckpointProgress) => void;
}

export interface CheckpointOptions extends CheckpointCall {
  /** Default: made from the time. */
  readonly id?: string;
  /** Checkpoints of the domain kept, the oldest go first. Default 3. */
  readonly keep?: number;
}

/**
 * Besides errors of every call: `CheckpointFailed` (the domain runs on as before), `NoSpace` (told before anything was
 * written, or cleaned up after), `CheckpointNotFound`, `CheckpointDamaged`.
 */
export interface Checkpoints {
  /** The guest runs on but for a short pause. One that cannot be restored is not one: it is checked before this resolves. */
  take(domain: string, options?: CheckpointOptions): Promise<Checkpoint>;
  /** Of a domain, or all on this host (also of domains that are gone), oldest first. */
  list(domain?: string): Promise<Checkpoint[]>;
  /** Reads it whole and has the hypervisor's own tools look at it; resolves with the new `verifiedAt`. */
  verify(domain: string, id: string, options?: CheckpointCall): Promise<Checkpoint>;
  /**
   * Puts the domain back, with the shape it had. A domain that is gone is made again. Newer checkpoints stay.
   * When it fails, the domain is as it was before the call, if it ran.
   */
  rollBack(domain: string, id: string, options?: CheckpointCall): Promise<DomainStatus>;
  /** Removes it, and merges what overlays it alone needed. Idempotent. */
  remove(domain: string, id: string): Promise<void>;
}
