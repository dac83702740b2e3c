/** Migration between simulated hosts of one process: the guest changes hosts, with the time that copying it would take. */
import type { Clock } from '../../../runtime/mod.ts';
import { checkName } from '../check-spec.ts';
import { DomainNotFound, HypervisorUnavailable, MigrationRefused } from '../errors.ts';
import type {
  LifecycleEvent,
  Migration,
  MigrationOptions,
  MigrationReport,
  MigrationTarget,
} from '../port/mod.ts';
import { type Copying, copyMemory } from './copying.ts';
import type { SimulatedGuest } from './guest.ts';

/** What a simulated host lends to migration. */
interface SimulatedHost {
  readonly hostname: string;
  readonly clock: Clock;
  readonly guests: Map<string, SimulatedGuest>;
  readonly tell: (event: LifecycleEvent) => void;
}

/** Hosts of this process by URI, which stands for the network between them. */
const hosts = new Map<string, SimulatedHost>();
let opened = 0;

export class SimulatedMigration implements Migration, Disposable {
  readonly #host: SimulatedHost;
  readonly #uri: string;
  readonly #copying = new Map<string, AbortController>();

  constructor(host: SimulatedHost) {
    this.#host = host;
    this.#uri = `simulated:///${++opened}`;
    hosts.set(this.#uri, host);
  }

  async target(): Promise<MigrationTarget> {
    const { hostname: host } = this.#host;
    return {
      host,
      uri: this.#uri,
      via: { kind: 'unix', folder: '/none' },
      runDir: '/none',
      storeDir: '/none',
    };
  }

  async migrate(
    name: string,
    target: MigrationTarget,
    options: MigrationOptions = {},
  ): Promise<MigrationReport> {
    checkName(name);
    options.onProgress?.({ phase: 'preparing' });
    const { guests, clock } = this.#host;
    const guest = guests.get(name);
    if (guest === undefined) throw new DomainNotFound(name);
    this.#refuse(name, guest, target, options);
    const interrupted = new AbortController();
    this.#copying.set(name, interrupted);
    const began = clock.now();
    try {
      const copying = await copyMemory(guest, clock, {
        ...options,
        lost: () => interrupted.signal.aborted || !hosts.has(target.uri) || guests.get(name) !== guest,
      });
      const report = await this.#finish(guest, target, options, copying);
      return { ...report, totalMs: clock.now() - began };
    } finally {
      this.#copying.delete(name);
    }
  }

  async resolve(name: string, target: MigrationTarget): Promise<'here' | 'there' | 'nowhere'> {
    checkName(name);
    const there = hosts.get(target.uri);
    if (there === undefined) throw new HypervisorUnavailable(`${target.host} is gone`, 'start it again');
    this.#copying.get(name)?.abort();
    if (this.#host.guests.has(name)) return 'here';
    return there.guests.has(name) ? 'there' : 'nowhere';
  }

  [Symbol.dispose](): void {
    hosts.delete(this.#uri);
    for (const copying of this.#copying.values()) copying.abort();
  }

  #refuse(name: string, guest: SimulatedGuest, target: MigrationTarget, { signal }: MigrationOptions): void {
    if (signal?.aborted) throw new MigrationRefused(name, 'it was cancelled');
    if (target.uri === this.#uri)
      throw new MigrationRefused(name, 'the target is this host', { field: 'target.uri' });
    const there = hosts.get(target.uri);
    if (there === undefined) {
      throw new MigrationRefused(name, `${target.host} cannot be reached`, { retryable: true });
    }
    if (there.guests.has(name))
      throw new MigrationRefused(name, `${target.host} runs another domain of that name`);
    if (guest.stats === undefined) {
      throw new MigrationRefused(name, 'its guest does not answer', {
        hint: 'wait until it has booted',
        retryable: true,
      });
    }
  }

  async #finish(
    guest: SimulatedGuest,
    target: MigrationTarget,
    { probe, onProgress }: MigrationOptions,
    copying: Copying,
  ): Promise<Omit<MigrationReport, 'totalMs'>> {
    const { hostname: from } = this.#host;
    const { name } = guest.spec;
    const { method, copiedMiB, failure: why } = copying;
    const report = { domain: name, from, to: target.host, method, copiedMiB, downtimeMs: copying.downtimeMs };
    if (why !== undefined) return { ...report, outcome: 'returned', why };
    const there = hosts.get(target.uri)!;
    onProgress?.({ phase: 'probing' });
    try {
      await probe?.(new AbortController().signal);
    } catch (error) {
      onProgress?.({ phase: 'returning' });
      const silence = error instanceof Error ? error.message : String(error);
      return {
        ...report,
        outcome: 'returned',
        why: `its guest did not answer on ${target.host}: ${silence}`,
      };
    }
    this.#host.guests.delete(name);
    there.guests.set(name, guest);
    there.tell({ domain: name, event: 'started', detail: 'migrated' });
    this.#host.tell({ domain: name, event: 'migrated', detail: 'migrated' });
    return { ...report, outcome: 'moved', answeredMs: 0 };
  }
}
