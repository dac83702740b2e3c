/** A domain's devices: plugging them, and what its network interfaces did and may do. */
import { DomainAffect } from '../constants.ts';
import { pointersAt, Structure } from '../structure.ts';
import type { TypedParameter, TypedParameters } from '../typed-parameters.ts';
import { DomainMemory } from './memory.ts';

/** virDomainInterfaceStats; -1 for what the driver does not count. */
export interface InterfaceStats {
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
}

/** virDomainInterface. */
export interface InterfaceAddresses {
  readonly name: string;
  readonly mac: string | null;
  readonly addresses: readonly {
    readonly type: 'ipv4' | 'ipv6';
    readonly address: string;
    readonly prefix: number;
  }[];
}

/** sizeof(virDomainInterfaceStatsStruct), sizeof(virDomainInterface), sizeof(virDomainIPAddress). */
const STATS_SIZE = 64;
const INTERFACE_SIZE = 32;
const ADDRESS_SIZE = 24;

export class DomainDevices extends DomainMemory {
  async attachDevice(xml: string, flags: number = DomainAffect.live): Promise<void> {
    await this.calls.status('virDomainAttachDeviceFlags', this.live(), xml, flags);
  }

  async updateDevice(xml: string, flags: number = DomainAffect.live): Promise<void> {
    await this.calls.status('virDomainUpdateDeviceFlags', this.live(), xml, flags);
  }

  /** Asks the guest to give a device up; the event deviceRemoved tells when it has. */
  async detachDevice(xml: string, flags: number = DomainAffect.live): Promise<void> {
    await this.calls.status('virDomainDetachDeviceFlags', this.live(), xml, flags);
  }

  /** As {@link detachDevice}, by the device's alias (`ua-disk1`). */
  async detachDeviceAlias(alias: string, flags: number = DomainAffect.live): Promise<void> {
    await this.calls.status('virDomainDetachDeviceAlias', this.live(), alias, flags);
  }

  /** Counters of an interface, named by its target (`vnet0`) or its MAC address. */
  async interfaceStats(device: string): Promise<InterfaceStats> {
    const stats = new Structure(STATS_SIZE);
    await this.calls.status('virDomainInterfaceStats', this.live(), device, stats.bytes, STATS_SIZE);
    return {
      rxBytes: stats.long(0),
      rxPackets: stats.long(8),
      rxErrors: stats.long(16),
      rxDropped: stats.long(24),
      txBytes: stats.long(32),
      txPackets: stats.long(40),
      txErrors: stats.long(48),
      txDropped: stats.long(56),
    };
  }

  /** Bandwidth of an interface, VIR_DOMAIN_BANDWIDTH_*: `inbound.average` (KiB/s), `outbound.burst` (KiB). */
  async interfaceParameters(device: string, flags: number = DomainAffect.current): Promise<TypedParameters> {
    return this.readParameters((memory, count) =>
      this.calls.status('virDomainGetInterfaceParameters', this.live(), device, memory, count, flags),
    );
  }

  async setInterfaceParameters(
    device: string,
    parameters: readonly TypedParameter[],
    flags: number = DomainAffect.live,
  ): Promise<void> {
    await this.withParameters(parameters, (memory, count) =>
      this.calls.status('virDomainSetInterfaceParameters', this.live(), device, memory, count, flags),
    );
  }

  /** IP addresses as `source` knows them: VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_* (0 leases, 1 agent, 2 ARP). */
  async interfaceAddresses(source = 0): Promise<InterfaceAddresses[]> {
    const list: [bigint | null] = [null];
    const count = await this.calls.status('virDomainInterfaceAddresses', this.live(), list, source, 0);
    if (list[0] === null) return [];
    const { native } = this.calls;
    const interfaces = pointersAt(list[0], count).map((pointer) => {
      const one = readInterface(Structure.at(pointer, INTERFACE_SIZE));
      native.virDomainInterfaceFree(pointer);
      return one;
    });
    native.free(list[0]);
    return interfaces;
  }
}

function readInterface(one: Structure): InterfaceAddresses {
  const list = one.pointer(24);
  const size = one.uint(16) * ADDRESS_SIZE;
  const bytes = list === null || size === 0 ? new Uint8Array(0) : Structure.at(list, size).bytes;
  const addresses = Array.from({ length: bytes.length / ADDRESS_SIZE }, (_, index) => {
    const address = new Structure(bytes.subarray(index * ADDRESS_SIZE, (index + 1) * ADDRESS_SIZE));
    const type = address.int(0) === 0 ? ('ipv4' as const) : ('ipv6' as const);
    return { type, address: address.text(8) ?? '', prefix: address.uint(16) };
  });
  return { name: one.text(0) ?? '', mac: one.text(8), addresses };
}
