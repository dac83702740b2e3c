/** Who is in the cluster, as this node sees it; finds leases expired by watching that they are not renewed, on its own clock. */
import type { Clock } from '../clock.ts';
import type { KeyValue, KeyValueEntry, KeyValueWatch } from '../store/mod.ts';
import { decodeLease, encodeLease, LEASES, type LeaseRecord, leaseKey, type Owner } from './records.ts';
import { EXPIRY_FACTOR, elapsed } from './time.ts';

export interface MembershipOptions {
  readonly store: KeyValue;
  readonly clock: Clock;
  /** This node, whose own lease is not for it to find expired. */
  readonly node: string;
  readonly onChange: () => void;
  /** A record that this version cannot read, or a watch that cannot be kept. */
  readonly onTrouble: (error: unknown) => void;
}

interface Seen {
  readonly record: LeaseRecord;
  readonly revision: number;
  /** When this revision was seen first, on the elapsed clock. */
  readonly at: number;
}

export class Membership {
  readonly #options: MembershipOptions;
  readonly #nodes = new Map<string, Seen>();
  readonly #expiring = new Set<string>();
  #members: readonly LeaseRecord[] | undefined;
  #watch: KeyValueWatch | undefined;
  #timer: unknown;
  #stopped = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { store, onTrouble } = this.#options;
    this.#watch = await store.watch(LEASES, (change) => {
      if (change.operation === 'put') this.#note(change);
    });
    if (this.#stopped) return this.#watch.stop();
    await this.refresh().catch(onTrouble);
  }

  /** Reads everything: a watch may have fallen behind. */
  async refresh(): Promise<void> {
    for (const entry of await this.#options.store.entries(LEASES)) this.#note(entry);
  }

  stop(): void {
    this.#stopped = true;
    this.#watch?.stop();
    this.#options.clock.clearTimeout(this.#timer);
  }

  /** Leases that are not known to have ended; the same array until one comes, goes or drains. */
  members(): readonly LeaseRecord[] {
    this.#members ??= [...this.#nodes.values()].map(({ record }) => record).filter(isAlive);
    return this.#members;
  }

  /** False once the lease is known to have ended, which is for ever. */
  mayLive({ node, epoch }: Owner): boolean {
    const record = this.#nodes.get(node)?.record;
    if (record === undefined || record.epoch < epoch) return true;
    return record.epoch === epoch && isAlive(record);
  }

  #note({ key, value, revision }: KeyValueEntry): void {
    if (this.#stopped) return;
    const { clock, onChange, onTrouble } = this.#options;
    try {
      const record = decodeLease(key, value);
      const known = this.#nodes.get(record.node);
      if (known !== undefined && known.revision >= revision) return;
      this.#nodes.set(record.node, { record, revision, at: elapsed(clock) });
      this.#look();
      if (known !== undefined && sameStanding(known.record, record)) return;
      this.#members = undefined;
      onChange();
    } catch (error) {
      onTrouble(error);
    }
  }

  /** Fences the leases that are overdue, and plans the next look. */
  #look(): void {
    const { clock, node } = this.#options;
    clock.clearTimeout(this.#timer);
    const now = elapsed(clock);
    let next = Number.POSITIVE_INFINITY;
    for (const [name, { record, at }] of this.#nodes) {
      if (name === node || !isAlive(record) || this.#expiring.has(name)) continue;
      const over = at + record.ttlMs * EXPIRY_FACTOR;
      if (over <= now) void this.#expire(name);
      else next = Math.min(next, over);
    }
    if (next !== Number.POSITIVE_INFINITY) this.#timer = clock.setTimeout(() => this.#look(), next - now);
  }

  /** It cannot be renewed from this write on; unless it was renewed before. */
  async #expire(name: string): Promise<void> {
    const seen = this.#nodes.get(name);
    if (seen === undefined) return;
    const { store, clock } = this.#options;
    const key = leaseKey(name);
    this.#expiring.add(name);
    try {
      const value = encodeLease({ ...seen.record, state: 'dead' });
      const revision = await store.update(key, value, seen.revision);
      this.#note({ key, value, revision });
    } catch {
      // Renewed, or fenced by somebody else, or the store is away: what is there now says which.
      const entry = await store.get(key).catch(() => undefined);
      if (entry !== undefined) this.#note(entry);
    }
    this.#expiring.delete(name);
    if (this.#stopped) return;
    clock.clearTimeout(this.#timer);
    this.#timer = clock.setTimeout(() => this.#look(), seen.record.ttlMs / 20);
  }
}

function isAlive({ state }: LeaseRecord): boolean {
  return state === 'live' || state === 'draining';
}

/** Apart from its being renewed. */
function sameStanding(a: LeaseRecord, b: LeaseRecord): boolean {
  return a.epoch === b.epoch && a.state === b.state && a.incarnation === b.incarnation;
}
