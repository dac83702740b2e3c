/** Which domain it is, and in what state: name, UUID, XML, metadata. */
import type { Pointer } from '../c-types.ts';
import { DomainAffect, MetadataType } from '../constants.ts';
import { VIR_ERR_INVALID_DOMAIN } from '../generated/constants.ts';
import { Handle, type Session } from '../handle.ts';
import { Structure } from '../structure.ts';

/** virDomainInfo. Memory in KiB, CPU time in seconds. */
export interface DomainInfo {
  readonly state: number;
  readonly maxMemoryKiB: number;
  readonly memoryKiB: number;
  readonly vcpus: number;
  readonly cpuSeconds: number;
}

export interface DomainStateReason {
  /** virDomainState, see DomainState. */
  readonly state: number;
  /** Its reason, e.g. ShutoffReason. */
  readonly reason: number;
}

/** virDomainControlInfo: whether the monitor answers. */
export interface DomainControlInfo {
  /** virDomainControlState: 0 ok, 1 a job holds it, 2 waiting for the monitor, 3 failed. */
  readonly state: number;
  /** virDomainControlErrorReason. */
  readonly details: number;
  /** Milliseconds in that state; 0 where it is ok. */
  readonly stateMs: number;
}

/** sizeof(virDomainInfo), sizeof(virDomainControlInfo), and the length of a UUID as text with its NUL. */
const INFO_SIZE = 40;
const CONTROL_INFO_SIZE = 16;
const UUID_SIZE = 37;

export class DomainIdentity extends Handle {
  readonly name: string;
  readonly uuid: string;

  /** Made by Connection only: takes over one reference to `pointer`. */
  constructor(session: Session, pointer: Pointer) {
    super(session, pointer, { noun: 'domain', free: 'virDomainFree', invalid: VIR_ERR_INVALID_DOMAIN });
    const { native } = session.calls;
    this.name = native.virDomainGetName(pointer) ?? '';
    const uuid = new Structure(UUID_SIZE);
    native.virDomainGetUUIDString(pointer, uuid.bytes);
    this.uuid = uuid.field(0, UUID_SIZE);
  }

  /** Number of the running domain; undefined when it does not run. */
  get id(): number | undefined {
    const id = this.calls.native.virDomainGetID(this.live());
    return id === 0xffff_ffff ? undefined : id;
  }

  async info(): Promise<DomainInfo> {
    const info = new Structure(INFO_SIZE);
    await this.calls.status('virDomainGetInfo', this.live(), info.bytes);
    return {
      state: info.uchar(0),
      maxMemoryKiB: info.ulong(8),
      memoryKiB: info.ulong(16),
      vcpus: info.ushort(24),
      cpuSeconds: info.ulong(32) / 1e9,
    };
  }

  async state(): Promise<DomainStateReason> {
    const state: [number] = [0];
    const reason: [number] = [0];
    await this.calls.status('virDomainGetState', this.live(), state, reason, 0);
    return { state: state[0], reason: reason[0] };
  }

  async controlInfo(): Promise<DomainControlInfo> {
    const info = new Structure(CONTROL_INFO_SIZE);
    await this.calls.status('virDomainGetControlInfo', this.live(), info.bytes, 0);
    return { state: info.uint(0), details: info.uint(4), stateMs: info.ulong(8) };
  }

  async isActive(): Promise<boolean> {
    return (await this.calls.status('virDomainIsActive', this.live())) === 1;
  }

  async isPersistent(): Promise<boolean> {
    return (await this.calls.status('virDomainIsPersistent', this.live())) === 1;
  }

  /** Whether the domain starts with its daemon. */
  async autostart(): Promise<boolean> {
    const on: [number] = [0];
    await this.calls.status('virDomainGetAutostart', this.live(), on);
    return on[0] !== 0;
  }

  async setAutostart(on: boolean): Promise<void> {
    await this.calls.status('virDomainSetAutostart', this.live(), on ? 1 : 0);
  }

  /** The domain's XML as it runs now. `flags`: VIR_DOMAIN_XML_*. */
  async xml(flags = 0): Promise<string> {
    return this.calls.text('virDomainGetXMLDesc', this.live(), flags);
  }

  /** The metadata element of `namespace` as XML. Fails with ErrorCode.noDomainMetadata where there is none. */
  async metadata(namespace: string, flags: number = DomainAffect.current): Promise<string> {
    return this.calls.text('virDomainGetMetadata', this.live(), MetadataType.element, namespace, flags);
  }

  /** Sets the metadata element of `namespace`, with `prefix` as its namespace prefix; null removes it. */
  async setMetadata(
    namespace: string,
    prefix: string,
    xml: string | null,
    flags: number = DomainAffect.current,
  ): Promise<void> {
    const type = MetadataType.element;
    await this.calls.status('virDomainSetMetadata', this.live(), type, xml, prefix, namespace, flags);
  }
}
