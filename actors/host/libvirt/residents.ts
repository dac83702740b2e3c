/** The running domains of ours that this process has met, by name. */
import type { Domain } from './binding/mod.ts';
import { readMetadata } from './status.ts';
import { Tenant } from './tenant.ts';

export class Residents implements Disposable {
  readonly #agentSocket: (name: string) => string;
  readonly #tenants = new Map<string, Tenant>();
  /** By UUID: two calls that meet a domain at once adopt it once. */
  readonly #adopting = new Map<string, Promise<Tenant | undefined>>();

  /** `agentSocket` gives the path of a domain's agent. */
  constructor(agentSocket: (name: string) => string) {
    this.#agentSocket = agentSocket;
  }

  get(name: string): Tenant | undefined {
    return this.#tenants.get(name);
  }

  /** All of them, as they are now. */
  all(): Tenant[] {
    return [...this.#tenants.values()];
  }

  /** The tenant of a running domain; undefined if the domain is not ours. */
  adopt(domain: Domain): Promise<Tenant | undefined> {
    const known = this.#tenants.get(domain.name);
    if (known?.uuid === domain.uuid) return Promise.resolve(known);
    const { uuid } = domain;
    const adopting =
      this.#adopting.get(uuid) ?? this.#meet(domain).finally(() => this.#adopting.delete(uuid));
    this.#adopting.set(uuid, adopting);
    return adopting;
  }

  forget(name: string): void {
    this.#tenants.get(name)?.[Symbol.dispose]();
    this.#tenants.delete(name);
  }

  [Symbol.dispose](): void {
    for (const { name } of this.all()) this.forget(name);
  }

  async #meet(domain: Domain): Promise<Tenant | undefined> {
    const metadata = await readMetadata(domain);
    if (metadata === undefined) return undefined;
    const tenant = await Tenant.adopt(domain, metadata, this.#agentSocket(domain.name));
    this.forget(domain.name);
    this.#tenants.set(domain.name, tenant);
    return tenant;
  }
}
