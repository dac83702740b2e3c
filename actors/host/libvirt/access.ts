/** How the parts of the driver reach domains of ours: over a connection per purpose, with errors in the port's words. */
import { checkName } from '../check-spec.ts';
import { DomainNotFound } from '../errors.ts';
import type { Connection, Domain } from './binding/mod.ts';
import { isGone, translate } from './failures.ts';
import type { Link } from './link.ts';
import type { Residents } from './residents.ts';
import type { Tenant } from './tenant.ts';

/** A slow call on one connection does not hold up another's: `jobs` take seconds, `control` milliseconds. */
export type Purpose = 'telemetry' | 'control' | 'jobs';

export class Access {
  readonly residents: Residents;
  readonly #links: Readonly<Record<Purpose, Link>>;

  constructor(residents: Residents, links: Readonly<Record<Purpose, Link>>) {
    this.residents = residents;
    this.#links = links;
  }

  /** Asks the host as a whole, or about `domain` whether it is ours or not. */
  async ask<T>(
    task: (connection: Connection) => Promise<T>,
    purpose: Purpose = 'telemetry',
    domain?: string,
  ): Promise<T> {
    try {
      return await this.#links[purpose].use(task);
    } catch (error) {
      throw translate(error, domain);
    }
  }

  /** Runs `task` on a domain of ours; `DomainNotFound` for any other. */
  async on<T>(
    purpose: Purpose,
    name: string,
    task: (domain: Domain, tenant: Tenant) => Promise<T>,
  ): Promise<T> {
    checkName(name);
    return await this.ask(
      async (connection) => {
        using domain = await connection.lookupByName(name);
        const tenant = await this.residents.adopt(domain);
        if (tenant === undefined) throw new DomainNotFound(name);
        return await task(domain, tenant);
      },
      purpose,
      name,
    );
  }

  /** Whether any domain has the name, ours or not. */
  async exists(name: string): Promise<boolean> {
    return await this.ask(async (connection) => {
      try {
        using _domain = await connection.lookupByName(name);
        return true;
      } catch (error) {
        if (isGone(error)) return false;
        throw error;
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const purpose of ['jobs', 'control', 'telemetry'] as const) {
      await this.#links[purpose][Symbol.asyncDispose]();
    }
  }
}
