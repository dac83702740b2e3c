/** The domains of a connection: finding, making, restoring and receiving them, and their statistics. */
import type { Pointer } from '../c-types.ts';
import { Domain } from '../domain.ts';
import { pointerOf, takeHandles } from '../handle.ts';
import { encodeMigration, type MigrationParameters } from '../migration-parameters.ts';
import { type DomainStats, decodeStats } from '../stats.ts';
import { EncodedParameters, type TypedParameter } from '../typed-parameters.ts';
import { ConnectionHost } from './host.ts';

export interface RestoreOptions {
  /** XML to restore it with instead of its own. */
  readonly xml?: string;
  /** VIR_DOMAIN_SAVE_*. */
  readonly flags?: number;
}

export abstract class ConnectionDomains extends ConnectionHost {
  /** Domains, running or only defined; `flags`: DomainListFlag. Free each. */
  async listAllDomains(flags = 0): Promise<Domain[]> {
    const list: [Pointer | null] = [null];
    const count = await this.calls.status('virConnectListAllDomains', this.pointer, list, flags);
    return takeHandles(this.calls.native, list[0], count, (pointer) => this.#domain(pointer));
  }

  /** The domain of that name; fails with ErrorCode.noDomain. */
  async lookupByName(name: string): Promise<Domain> {
    return this.#domain(await this.calls.pointer('virDomainLookupByName', this.pointer, name));
  }

  /** The domain of that UUID; fails with ErrorCode.noDomain. */
  async lookupByUuid(uuid: string): Promise<Domain> {
    return this.#domain(await this.calls.pointer('virDomainLookupByUUIDString', this.pointer, uuid));
  }

  /** The running domain of that number; fails with ErrorCode.noDomain. */
  async lookupById(id: number): Promise<Domain> {
    return this.#domain(await this.calls.pointer('virDomainLookupByID', this.pointer, id));
  }

  /** Defines a persistent domain without starting it. */
  async defineXML(xml: string, flags = 0): Promise<Domain> {
    return this.#domain(await this.calls.pointer('virDomainDefineXMLFlags', this.pointer, xml, flags));
  }

  /** Starts a transient domain: when it ends nothing is left of it. `flags`: StartFlag. */
  async createXML(xml: string, flags = 0): Promise<Domain> {
    return this.#domain(await this.calls.pointer('virDomainCreateXML', this.pointer, xml, flags));
  }

  /** Starts the domain that Domain.save wrote to the file `from`. */
  async restore(from: string, { xml, flags = 0 }: RestoreOptions = {}): Promise<void> {
    await this.calls.status('virDomainRestoreFlags', this.pointer, from, xml ?? null, flags);
  }

  /** As {@link restore}, by VIR_DOMAIN_SAVE_PARAM_* (`file`, `dxml`). libvirt 8.4. */
  async restoreParams(parameters: readonly TypedParameter[], flags = 0): Promise<void> {
    using encoded = new EncodedParameters(parameters);
    await this.calls.status('virDomainRestoreParams', this.pointer, encoded.bytes, encoded.count, flags);
  }

  /** The XML in a file that Domain.save wrote. */
  saveImageXML(file: string, flags = 0): Promise<string> {
    return this.calls.text('virDomainSaveImageGetXMLDesc', this.pointer, file, flags);
  }

  async saveImageDefineXML(file: string, xml: string, flags = 0): Promise<void> {
    await this.calls.status('virDomainSaveImageDefineXML', this.pointer, file, xml, flags);
  }

  /**
   * Migrates `domain`, which is another connection's, to this one (virDomainMigrate3): this process is in the middle.
   * Resolves with the domain here. `flags`: VIR_MIGRATE_*.
   */
  async migrateHere(domain: Domain, parameters: MigrationParameters = {}, flags = 0): Promise<Domain> {
    return this.#domain(await domain.migrate3(this.pointer, encodeMigration(parameters), flags));
  }

  /** Statistics of all domains. `groups`: DomainStatsGroup, 0 for all; `flags`: DomainListFlag. */
  async getAllDomainStats(groups = 0, flags = 0): Promise<DomainStats[]> {
    const list: [Pointer | null] = [null];
    const count = await this.calls.status('virConnectGetAllDomainStats', this.pointer, groups, list, flags);
    return this.#takeStats(list[0], count);
  }

  /** Statistics of `domains`. `flags`: VIR_CONNECT_GET_ALL_DOMAINS_STATS_*. */
  async getDomainStats(domains: readonly Domain[], groups = 0, flags = 0): Promise<DomainStats[]> {
    if (domains.length === 0) return [];
    const list: [Pointer | null] = [null];
    const pointers = BigUint64Array.from([...domains.map(pointerOf), 0n]);
    const count = await this.calls.status('virDomainListGetStats', pointers, groups, list, flags);
    return this.#takeStats(list[0], count);
  }

  #takeStats(records: Pointer | null, count: number): DomainStats[] {
    if (records === null) return [];
    const { native } = this.calls;
    try {
      return decodeStats(native, records, count);
    } finally {
      native.virDomainStatsRecordListFree(records);
    }
  }

  #domain(pointer: Pointer): Domain {
    return new Domain(this.session, pointer);
  }
}
