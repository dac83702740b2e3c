/**
 * A node's lease: its right to own slots, renewed by compare-and-set. It counts from before each renewal was sent, so it
 * has ended here before anybody can find it expired.
 */
import { setAlarm } from '../alarm.ts';
import type { Clock } from '../clock.ts';
import { Cancelled, GridError, KeyExists, LeaseLost, RevisionConflict } from '../errors.ts';
import { pause } from '../persevere.ts';
import type { KeyValue } from '../store/mod.ts';
import { decodeLease, encodeLease, type LeaseRecord, leaseKey, type Owner } from './records.ts';
import { EXPIRY_FACTOR, elapsed, within } from './time.ts';

export interface LeaseOptions {
  readonly store: KeyValue;
  readonly clock: Clock;
  readonly node: string;
  readonly incarnation: string;
  readonly groups: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
  readonly ttlMs: number;
  /** For simulations that show what it is good for: without it a lease lasts until somebody else has it. */
  readonly fencing: boolean;
  /** Once a lease: it is over, and nothing may run under it any more. */
  readonly onLost: (reason: LeaseLost) => void;
}

export class Lease {
  readonly #options: LeaseOptions;
  #state: 'live' | 'draining' = 'live';
  #epoch = 0;
  #revision = 0;
  #beat = 0;
  /** On the elapsed clock. */
  #validUntil = Number.NEGATIVE_INFINITY;
  #held = false;
  #cancelAlarms: (() => void)[] = [];
  /** Writes one after the other. */
  #writing: Promise<void> = Promise.resolve();

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get owner(): Owner {
    return { node: this.#options.node, epoch: this.#epoch };
  }

  get draining(): boolean {
    return this.#state === 'draining';
  }

  /** Ms until it ends unless it is renewed; negative when it has ended. */
  get margin(): number {
    return this.#held ? this.#validUntil - elapsed(this.#options.clock) : Number.NEGATIVE_INFINITY;
  }

  holds(): boolean {
    return this.#held && (!this.#options.fencing || elapsed(this.#options.clock) < this.#validUntil);
  }

  /**
   * Takes the lease; waits for one of the same name to end, and for a store that is away.
   * Throws `Cancelled` when `signal` fires, or an error of the store that will not go away.
   */
  async acquire(signal: AbortSignal): Promise<void> {
    const { store, clock, node, ttlMs } = this.#options;
    const key = leaseKey(node);
    let seen = { revision: 0, at: 0 };
    while (!signal.aborted) {
      const started = elapsed(clock);
      try {
        const entry = await store.get(key);
        if (entry === undefined) {
          const revision = await store.create(key, this.#record(1));
          if (signal.aborted) break;
          return this.#begin(started, 1, revision);
        }
        const previous = decodeLease(key, entry.value);
        if (entry.revision !== seen.revision) seen = { revision: entry.revision, at: elapsed(clock) };
        const over = elapsed(clock) - seen.at >= previous.ttlMs * EXPIRY_FACTOR;
        if (this.#isFree(previous) || over) {
          const epoch = previous.epoch + 1;
          const revision = await store.update(key, this.#record(epoch), entry.revision);
          // What nobody wants any more is not renewed, and found expired.
          if (signal.aborted) break;
          return this.#begin(started, epoch, revision);
        }
      } catch (error) {
        const again = error instanceof RevisionConflict || error instanceof KeyExists;
        if (!again && !(error instanceof GridError && error.retryable)) throw error;
      }
      await pause(clock, ttlMs / 20, signal);
    }
    throw new Cancelled(`lease of ${node}`, signal.reason);
  }

  /** Others give it nothing more. */
  async drain(): Promise<void> {
    this.#state = 'draining';
    await this.#renew();
  }

  /** Gives it back: its slots are anybody's. Nothing may run under it any more. */
  async release(): Promise<void> {
    if (!this.#held) return;
    this.#end();
    await this.#writing;
    await within(this.#options.clock, this.#options.ttlMs, this.#giveBack());
  }

  /** Ends it without a word, as a crash does; others find it expired. */
  forsake(): void {
    this.#end();
  }

  #isFree({ state, incarnation }: LeaseRecord): boolean {
    return state === 'left' || state === 'dead' || incarnation === this.#options.incarnation;
  }

  #begin(started: number, epoch: number, revision: number): void {
    this.#epoch = epoch;
    this.#held = true;
    this.#state = 'live';
    this.#confirm(started, revision);
  }

  #confirm(started: number, revision: number): void {
    const { ttlMs } = this.#options;
    this.#revision = revision;
    this.#validUntil = started + ttlMs;
    this.#renewIn(ttlMs / 3);
  }

  #renew(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    if (!this.#held) return;
    const { store, clock, node, ttlMs } = this.#options;
    const epoch = this.#epoch;
    const started = elapsed(clock);
    try {
      const written = store.update(leaseKey(node), this.#record(epoch), this.#revision);
      const revision = await within(clock, ttlMs / 4, written);
      if (this.#held && this.#epoch === epoch) this.#confirm(started, revision);
    } catch (error) {
      if (!this.#held || this.#epoch !== epoch) return;
      if (error instanceof RevisionConflict) await this.#look(epoch);
      if (this.#held) this.#renewIn(ttlMs / 20);
    }
  }

  /** Somebody wrote: it was a renewal of ours that was not confirmed, or the lease is another's. */
  async #look(epoch: number): Promise<void> {
    const { store, clock, node, ttlMs } = this.#options;
    const key = leaseKey(node);
    const entry = await within(clock, ttlMs / 4, store.get(key)).catch(() => undefined);
    if (entry === undefined || !this.#held || this.#epoch !== epoch) return;
    const record = decodeLease(key, entry.value);
    if (this.#isOurs(record, epoch)) this.#revision = entry.revision;
    else
      this.#lose(
        new LeaseLost(node, `it is ${record.state}, epoch ${record.epoch}, of ${record.incarnation}`),
      );
  }

  async #giveBack(): Promise<void> {
    const { store, node } = this.#options;
    const key = leaseKey(node);
    for (;;) {
      try {
        await store.update(key, this.#record(this.#epoch, 'left'), this.#revision);
        return;
      } catch (error) {
        if (!(error instanceof RevisionConflict)) throw error;
      }
      // A renewal that was not confirmed came first; or somebody found it expired, and there is nothing to give.
      const entry = await store.get(key);
      if (entry === undefined || !this.#isOurs(decodeLease(key, entry.value), this.#epoch)) return;
      this.#revision = entry.revision;
    }
  }

  #isOurs({ incarnation, epoch, state }: LeaseRecord, ours: number): boolean {
    const alive = state === 'live' || state === 'draining';
    return alive && epoch === ours && incarnation === this.#options.incarnation;
  }

  #expire(): void {
    if (!this.#held) return;
    // Timers may come a little before their time.
    if (this.margin > 0) this.#alarm(this.margin, () => this.#expire());
    else this.#lose(new LeaseLost(this.#options.node, `it was not renewed within ${this.#options.ttlMs} ms`));
  }

  #lose(reason: LeaseLost): void {
    this.#end();
    this.#options.onLost(reason);
  }

  #end(): void {
    this.#held = false;
    for (const cancel of this.#cancelAlarms.splice(0)) cancel();
  }

  #record(epoch: number, state: LeaseRecord['state'] = this.#state): Uint8Array {
    const { node, incarnation, groups, attributes, ttlMs } = this.#options;
    this.#beat += 1;
    return encodeLease({
      node,
      incarnation,
      epoch,
      state,
      groups: [...groups],
      attributes,
      ttlMs,
      beat: this.#beat,
    });
  }

  /** Instead of what was planned before. */
  #renewIn(delayMs: number): void {
    for (const cancel of this.#cancelAlarms.splice(0)) cancel();
    this.#alarm(delayMs, () => void this.#renew());
    if (this.#options.fencing) this.#alarm(this.margin, () => this.#expire());
  }

  #alarm(delayMs: number, run: () => void): void {
    const { clock } = this.#options;
    this.#cancelAlarms.push(setAlarm(clock, clock.now() + Math.max(0, delayMs), run));
  }
}
