/** Tells listeners what happens to domains of ours, including what happened while there was no connection. */
import { MigrationLost } from '../errors.ts';
import type { LifecycleEvent } from '../port/mod.ts';
import { type Connection, DomainListFlag, type LifecycleNotice } from './binding/mod.ts';
import { nothingBegun } from './failures.ts';
import { lifecycleEvent } from './lifecycle.ts';
import type { Residents } from './residents.ts';

export interface LifecycleFeedOptions {
  readonly residents: Residents;
  /** Adopts a domain that somebody else started; false if it is not ours. */
  readonly meet: (name: string) => Promise<boolean>;
  /** A domain of ours ended. */
  readonly onEnd: (name: string) => void;
}

/** How long {@link LifecycleFeed.ended} waits. */
const ENDED_DEADLINE_MS = 2000;

export class LifecycleFeed {
  readonly #options: LifecycleFeedOptions;
  readonly #listeners = new Set<(event: LifecycleEvent) => void>();
  /** Domains that we are starting: their events are ours before they are met. */
  readonly #expected = new Set<string>();
  readonly #waiting = new Map<string, () => void>();
  /** Domains between two hosts, with their end here if it was seen. */
  readonly #departing = new Map<string, LifecycleEvent | undefined>();
  /** Domains that are being exchanged for an earlier state of themselves, with their end if it was seen. */
  readonly #exchanging = new Map<string, LifecycleEvent | undefined>();

  constructor(options: LifecycleFeedOptions) {
    this.#options = options;
  }

  listen(listener: (event: LifecycleEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Counts the domain's events as ours while `start` runs. */
  async expecting<T>(name: string, start: () => Promise<T>): Promise<T> {
    this.#expected.add(name);
    try {
      return await start();
    } finally {
      this.#expected.delete(name);
    }
  }

  /** Runs `end`, then waits until the domain's end was told (not for ever: the event may be lost). */
  async ended(name: string, end: () => Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.set(name, resolve);
    try {
      await end();
      const timer = setTimeout(resolve, ENDED_DEADLINE_MS);
      await promise;
      clearTimeout(timer);
    } finally {
      this.#waiting.delete(name);
    }
  }

  /**
   * Runs `exchange`, which ends the domain and starts it again from an earlier state: to listeners it never ended. Its
   * end is told afterwards if `runs` says that there is none.
   */
  async exchanging<T>(name: string, runs: () => Promise<boolean>, exchange: () => Promise<T>): Promise<T> {
    this.#exchanging.set(name, undefined);
    try {
      return await exchange();
    } finally {
      const end = this.#exchanging.get(name);
      this.#exchanging.delete(name);
      if (end !== undefined && !(await runs().catch(() => true))) this.#tell(end);
    }
  }

  /**
   * Runs `move`, which says where the domain lives afterwards, and keeps an end that the domain has here to itself until
   * then. It stays kept when `move` rejects without knowing: somebody has to find out, here again.
   */
  async departing<T extends { readonly owner: 'here' | 'there' | 'nowhere' }>(
    name: string,
    move: () => Promise<T>,
  ): Promise<T> {
    if (!this.#departing.has(name)) this.#departing.set(name, undefined);
    try {
      const result = await move();
      this.#departed(name, result.owner);
      return result;
    } catch (error) {
      if (error instanceof MigrationLost) this.#departed(name, 'nowhere');
      else if (nothingBegun(error)) this.#departed(name, 'here');
      throw error;
    }
  }

  /** Registers on a new connection, and tells what ended while there was none. */
  async watch(connection: Connection): Promise<void> {
    await connection.onLifecycle((notice) => this.#notice(notice));
    const running = new Set<string>();
    for (const domain of await connection.listAllDomains(DomainListFlag.active)) {
      using handle = domain;
      running.add(handle.uuid);
    }
    for (const { name, uuid } of this.#options.residents.all()) {
      if (!running.has(uuid)) this.#tell({ domain: name, event: 'stopped', detail: 'unknown' });
    }
  }

  close(): void {
    this.#listeners.clear();
  }

  #notice(notice: LifecycleNotice): void {
    const event = this.#translate(notice);
    if (event === undefined) return;
    const met = this.#options.residents.get(event.domain) !== undefined;
    // libvirt starts a domain paused and lets it run: that is no news before the start itself was told.
    if (event.event === 'resumed' && !met) return;
    const ours = met || this.#expected.has(event.domain) || this.#exchanging.has(event.domain);
    if (ours) this.#tell(event);
    else if (event.event === 'started') void this.#introduce(event);
  }

  /** A domain that could not leave is resumed with the same words as one that arrives. */
  #translate(notice: LifecycleNotice): LifecycleEvent | undefined {
    const event = lifecycleEvent(notice);
    if (event?.event !== 'started' || !this.#departing.has(event.domain)) return event;
    return event.detail === 'migrated' ? { ...event, event: 'resumed' } : event;
  }

  async #introduce(event: LifecycleEvent): Promise<void> {
    if (await this.#options.meet(event.domain)) this.#tell(event);
  }

  #departed(name: string, owner: 'here' | 'there' | 'nowhere'): void {
    const end = this.#departing.get(name);
    this.#departing.delete(name);
    if (owner === 'there') this.#tell({ domain: name, event: 'migrated', detail: 'migrated' });
    else if (owner === 'nowhere') this.#tell(end ?? { domain: name, event: 'stopped', detail: 'unknown' });
  }

  #tell(event: LifecycleEvent): void {
    const over = event.event === 'stopped' || event.event === 'crashed' || event.event === 'migrated';
    if (this.#exchanging.has(event.domain)) {
      if (!over) return;
      this.#exchanging.set(event.domain, event);
      this.#waiting.get(event.domain)?.();
      return;
    }
    if (over) this.#options.onEnd(event.domain);
    if (over && this.#departing.has(event.domain)) {
      this.#departing.set(event.domain, event);
      return;
    }
    for (const listener of this.#listeners) listener(event);
    if (over) this.#waiting.get(event.domain)?.();
  }
}
