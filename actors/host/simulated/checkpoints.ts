/** Checkpoints of simulated domains: kept in this process, with the delays of real ones. */
import type { Clock } from '../../../runtime/mod.ts';
import { checkCheckpointId, checkKeep, checkName } from '../check-spec.ts';
import {
  CheckpointFailed,
  CheckpointNotFound,
  DomainNotFound,
  type HypervisorError,
  RollbackFailed,
} from '../errors.ts';
import type {
  Checkpoint,
  CheckpointCall,
  CheckpointOptions,
  Checkpoints,
  DomainStatus,
  LifecycleEvent,
} from '../port/mod.ts';
import { type FrozenGuest, SimulatedGuest, type SimulatedGuestOptions } from './guest.ts';

/** As measured on emulated guests of 128 MiB. */
const SAVE_MS = 250;
const PAUSE_MS = 90;
const VERIFY_MS = 60;
const RESTORE_MS = 500;
/** Pages that were never written are not in an image. */
const WRITTEN_SHARE = 0.6;
const MIB = 1024 * 1024;
const KEEP = 3;
const DEADLINE_MS = 60_000;

export interface SimulatedCheckpointsOptions extends SimulatedGuestOptions {
  readonly clock: Clock;
  readonly guests: Map<string, SimulatedGuest>;
  readonly tell: (event: LifecycleEvent) => void;
}

interface Kept {
  readonly checkpoint: Checkpoint;
  readonly frozen: FrozenGuest;
}

export class SimulatedCheckpoints implements Checkpoints {
  readonly #options: SimulatedCheckpointsOptions;
  /** Oldest first. */
  #kept: readonly Kept[] = [];

  constructor(options: SimulatedCheckpointsOptions) {
    this.#options = options;
  }

  async take(domain: string, options: CheckpointOptions = {}): Promise<Checkpoint> {
    const { clock, guests } = this.#options;
    const { id = `at-${clock.now()}`, keep = KEEP, onProgress } = options;
    checkName(domain);
    checkCheckpointId(id);
    checkKeep(keep);
    const guest = guests.get(domain);
    if (guest === undefined) throw new DomainNotFound(domain);
    const fail = (why: string) => new CheckpointFailed(domain, why);
    if (this.#find(domain, id) !== undefined) throw fail(`there is one called ${id} already`);
    const wait = this.#waiting(options, fail);
    onProgress?.({ phase: 'preparing' });
    onProgress?.({ phase: 'saving' });
    await wait(SAVE_MS);
    const { jobId, allocation } = guest.status;
    const at = clock.now();
    const frozen = guest.freeze();
    onProgress?.({ phase: 'verifying' });
    await wait(VERIFY_MS);
    const bytes = Math.ceil(allocation.memoryMiB * WRITTEN_SHARE * MIB);
    const verifiedAt = clock.now();
    const checkpoint = { id, domain, jobId, at, allocation, bytes, pausedMs: PAUSE_MS, verifiedAt };
    const others = this.#kept.filter((one) => one.checkpoint.domain === domain);
    const tooMany = new Set(others.slice(0, Math.max(0, others.length + 1 - keep)));
    this.#kept = [...this.#kept.filter((one) => !tooMany.has(one)), { checkpoint, frozen }];
    return checkpoint;
  }

  async list(domain?: string): Promise<Checkpoint[]> {
    if (domain !== undefined) checkName(domain);
    const all = this.#kept.map(({ checkpoint }) => checkpoint);
    return domain === undefined ? all : all.filter((one) => one.domain === domain);
  }

  async verify(domain: string, id: string, options: CheckpointCall = {}): Promise<Checkpoint> {
    checkName(domain);
    checkCheckpointId(id);
    const found = this.#get(domain, id);
    await this.#waiting(options, (why) => new CheckpointFailed(domain, why))(VERIFY_MS);
    const checkpoint = { ...found.checkpoint, verifiedAt: this.#options.clock.now() };
    this.#kept = this.#kept.map((one) => (one === found ? { ...found, checkpoint } : one));
    return checkpoint;
  }

  async rollBack(domain: string, id: string, options: CheckpointCall = {}): Promise<DomainStatus> {
    checkName(domain);
    checkCheckpointId(id);
    const { guests, tell } = this.#options;
    const { frozen } = this.#get(domain, id);
    const wait = this.#waiting(options, (why) => new RollbackFailed(domain, id, why));
    options.onProgress?.({ phase: 'verifying' });
    await wait(VERIFY_MS);
    options.onProgress?.({ phase: 'restoring' });
    await wait(RESTORE_MS);
    const present = guests.get(domain);
    present?.end();
    const guest = SimulatedGuest.thaw(frozen, this.#options);
    guests.set(domain, guest);
    if (present === undefined) tell({ domain, event: 'started', detail: 'restored' });
    return guest.status;
  }

  async remove(domain: string, id: string): Promise<void> {
    checkName(domain);
    checkCheckpointId(id);
    const found = this.#find(domain, id);
    this.#kept = this.#kept.filter((one) => one !== found);
  }

  #find(domain: string, id: string): Kept | undefined {
    return this.#kept.find(({ checkpoint }) => checkpoint.domain === domain && checkpoint.id === id);
  }

  #get(domain: string, id: string): Kept {
    const found = this.#find(domain, id);
    if (found === undefined) throw new CheckpointNotFound(domain, id);
    return found;
  }

  /** A wait that ends early, and fails, when the call is cancelled or its deadline passes. */
  #waiting(
    { signal, deadlineMs = DEADLINE_MS }: CheckpointCall,
    fail: (why: string) => HypervisorError,
  ): (ms: number) => Promise<void> {
    const { clock } = this.#options;
    const deadline = clock.now() + deadlineMs;
    return async (ms) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = clock.setTimeout(resolve, Math.max(0, Math.min(ms, deadline - clock.now())));
      const stop = () => resolve();
      if (signal?.aborted) resolve();
      signal?.addEventListener('abort', stop, { once: true });
      await promise;
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      if (signal?.aborted) throw fail('it was cancelled');
      if (clock.now() >= deadline) throw fail(`it was not done within ${deadlineMs} ms`);
    };
  }
}
