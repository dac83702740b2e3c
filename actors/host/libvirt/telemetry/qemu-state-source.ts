/** A domain's inner state through libvirt: registers by QEMU's monitor, pages by memory peek, counters by statistics. */
import { CapabilityMissing } from '../../errors.ts';
import type {
  DeviceCounters,
  DirtyRate,
  MemoryRange,
  RegisterBank,
  StateSource,
} from '../../telemetry/mod.ts';
import { type Connection, type Domain, DomainStatsGroup, ErrorCode, LibvirtError } from '../binding/mod.ts';
import { blocksOf, dirtyRateOf, interfacesOf } from './bulk-stats.ts';
import { bootMemory } from './memory-map.ts';
import { parseRegisters } from './registers.ts';

/** Runs a task on a connection; rejects with HypervisorError, DomainNotFound when the domain is gone. */
export type AskAbout = <T>(domain: string, task: (connection: Connection) => Promise<T>) => Promise<T>;

/** virDomainQemuMonitorCommandFlags: the command is one for people, and so is the answer. */
const FOR_PEOPLE = 1;
/** virDomainDirtyRateStatus. */
const MEASURING = 1;

/**
 * libvirt marks a domain whose monitor is used as tainted (`custom-monitor`): nothing else follows from it. Calls
 * reject with HypervisorError, CapabilityMissing where this hypervisor cannot do it at all.
 */
export class QemuStateSource implements StateSource {
  readonly domain: string;
  readonly #ask: AskAbout;
  /** Of the domain that was found first: another of the same name is another VM. */
  #uuid: string | undefined;
  #measuring = false;

  constructor(domain: string, ask: AskAbout) {
    this.domain = domain;
    this.#ask = ask;
  }

  async memoryRanges(): Promise<readonly MemoryRange[]> {
    const ranges = bootMemory(await this.#monitor('memory map', 'info mtree -f'));
    if (ranges.length > 0) return ranges;
    throw new CapabilityMissing('memory map', 'QEMU shows none of the kinds of memory that are known');
  }

  async registers(): Promise<RegisterBank> {
    const bank = parseRegisters(await this.#monitor('registers', 'info registers -a'));
    if (bank !== undefined) return bank;
    throw new CapabilityMissing('registers', 'registers are read of x86-64 guests only');
  }

  page(address: number, bytes: number): Promise<Uint8Array> {
    return this.#on('memory peek', (domain) => domain.memoryPeek(address, bytes));
  }

  async devices(): Promise<DeviceCounters> {
    const groups = DomainStatsGroup.block | DomainStatsGroup.interface;
    return this.#on('statistics', async (domain, connection) => {
      const [stats] = await connection.getDomainStats([domain], groups);
      const parameters = stats?.parameters ?? {};
      return { blocks: blocksOf(parameters), interfaces: interfacesOf(parameters) };
    });
  }

  /** What somebody else had measured before is not told. */
  async dirtyRate(seconds: number): Promise<DirtyRate | undefined> {
    return this.#on('dirty rate', async (domain, connection) => {
      const [stats] = await connection.getDomainStats([domain], DomainStatsGroup.dirtyRate);
      const parameters = stats?.parameters ?? {};
      if (parameters['dirtyrate.calc_status'] === MEASURING) return undefined;
      const measured = this.#measuring ? dirtyRateOf(parameters) : undefined;
      await domain.startDirtyRateCalc(seconds);
      this.#measuring = true;
      return measured;
    });
  }

  /** Holds nothing. */
  async [Symbol.asyncDispose](): Promise<void> {}

  #monitor(capability: string, command: string): Promise<string> {
    return this.#on(capability, (domain) => domain.qemuMonitorCommand(command, FOR_PEOPLE));
  }

  #on<T>(capability: string, task: (domain: Domain, connection: Connection) => Promise<T>): Promise<T> {
    return this.#ask(this.domain, async (connection) => {
      const uuid = this.#uuid;
      using domain = await (uuid === undefined
        ? connection.lookupByName(this.domain)
        : connection.lookupByUuid(uuid));
      this.#uuid = domain.uuid;
      try {
        return await task(domain, connection);
      } catch (error) {
        if (!(error instanceof LibvirtError) || !UNSUPPORTED.has(error.code)) throw error;
        throw new CapabilityMissing(
          capability,
          `the driver of ${this.domain} does not have it: ${error.message}`,
        );
      }
    });
  }
}

const UNSUPPORTED: ReadonlySet<number> = new Set([ErrorCode.noSupport, ErrorCode.operationUnsupported]);
