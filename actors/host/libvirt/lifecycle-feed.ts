/** Tells listeners what happens to domains of ours, including what happened while there was no connection. */
import type { LifecycleEvent } from '../port.ts';
import { type Connection, DomainListFlag, type LifecycleNotice } from './binding/mod.ts';
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
    const event = lifecycleEvent(notice);
    if (event === undefined) return;
    const met = this.#options.residents.get(event.domain) !== undefined;
    // libvirt starts a domain paused and lets it run: that is no news before the start itself was told.
    if (event.event === 'resumed' && !met) return;
    if (met || this.#expected.has(event.domain)) this.#tell(event);
    else if (event.event === 'started') void this.#introduce(event);
  }

  async #introduce(event: LifecycleEvent): Promise<void> {
    if (await this.#options.meet(event.domain)) this.#tell(event);
  }

  #tell(event: LifecycleEvent): void {
    const over = event.event === 'stopped' || event.event === 'crashed';
    if (over) this.#options.onEnd(event.domain);
    for (const listener of this.#listeners) listener(event);
    if (over) this.#waiting.get(event.domain)?.();
  }
}
