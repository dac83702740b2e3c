/** One libvirt domain: a handle to a virtual machine, and what can be done with it. */
import type { CallQueue } from './calls.ts';
import { DomainAffect, MetadataType } from './constants.ts';
import type { Pointer } from './declarations.ts';
import { ErrorCode, ErrorDomain, LibvirtError } from './errors.ts';
import {
  decodeParameters,
  EncodedParameters,
  PARAMETER_SIZE,
  type TypedParameter,
  type TypedParameters,
} from './typed-parameters.ts';

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

/** sizeof(virDomainInfo), and the length of a UUID as text with its NUL. */
const INFO_SIZE = 40;
const UUID_SIZE = 37;
/** What the remote protocol allows for scheduler parameters. */
const MAX_SCHEDULER_PARAMETERS = 16;

/** Frees itself at the end of an `await using` or `using` block; every call rejects with {@link LibvirtError}. */
export class Domain implements Disposable, AsyncDisposable {
  readonly name: string;
  readonly uuid: string;
  readonly #calls: CallQueue;
  readonly #pointer: Pointer;
  readonly #onFree: (domain: Domain) => void;
  #freed = false;

  /** Made by Connection only: takes over one reference to `pointer`. */
  constructor(calls: CallQueue, pointer: Pointer, onFree: (domain: Domain) => void) {
    this.#calls = calls;
    this.#pointer = pointer;
    this.#onFree = onFree;
    this.name = calls.native.virDomainGetName(pointer) ?? '';
    const uuid = new Uint8Array(UUID_SIZE);
    calls.native.virDomainGetUUIDString(pointer, uuid);
    this.uuid = new TextDecoder().decode(uuid.subarray(0, UUID_SIZE - 1));
  }

  /** Starts a defined domain. `flags`: StartFlag. */
  async create(flags = 0): Promise<void> {
    await this.#calls.status('virDomainCreateWithFlags', this.#live(), flags);
  }

  /** Ends the VM at once, as if its power was cut. */
  async destroy(flags = 0): Promise<void> {
    await this.#calls.status('virDomainDestroyFlags', this.#live(), flags);
  }

  /** Forgets a defined domain; one that runs becomes transient. */
  async undefine(flags = 0): Promise<void> {
    await this.#calls.status('virDomainUndefineFlags', this.#live(), flags);
  }

  async suspend(): Promise<void> {
    await this.#calls.status('virDomainSuspend', this.#live());
  }

  async resume(): Promise<void> {
    await this.#calls.status('virDomainResume', this.#live());
  }

  /** Sets the number of vCPUs plugged. `flags`: DomainAffect plus VcpuFlag. */
  async setVcpus(count: number, flags: number = DomainAffect.live): Promise<void> {
    await this.#calls.status('virDomainSetVcpusFlags', this.#live(), count, flags);
  }

  /** Number of vCPUs plugged. `flags` as for {@link setVcpus}. */
  async vcpus(flags: number = DomainAffect.live): Promise<number> {
    return this.#calls.status('virDomainGetVcpusFlags', this.#live(), flags);
  }

  /** Sets the balloon's target, KiB. */
  async setMemory(kib: number, flags: number = DomainAffect.live): Promise<void> {
    await this.#calls.status('virDomainSetMemoryFlags', this.#live(), kib, flags);
  }

  async attachDevice(xml: string, flags: number = DomainAffect.live): Promise<void> {
    await this.#calls.status('virDomainAttachDeviceFlags', this.#live(), xml, flags);
  }

  async updateDevice(xml: string, flags: number = DomainAffect.live): Promise<void> {
    await this.#calls.status('virDomainUpdateDeviceFlags', this.#live(), xml, flags);
  }

  async detachDevice(xml: string, flags: number = DomainAffect.live): Promise<void> {
    await this.#calls.status('virDomainDetachDeviceFlags', this.#live(), xml, flags);
  }

  /** Scheduler parameters by libvirt's names: `cpu_shares`, `global_quota` (microseconds), `vcpu_quota`. */
  async schedulerParameters(flags: number = DomainAffect.current): Promise<TypedParameters> {
    const bytes = new Uint8Array(MAX_SCHEDULER_PARAMETERS * PARAMETER_SIZE);
    const count: [number] = [MAX_SCHEDULER_PARAMETERS];
    await this.#calls.status('virDomainGetSchedulerParametersFlags', this.#live(), bytes, count, flags);
    return decodeParameters(bytes, count[0]);
  }

  async setSchedulerParameters(
    parameters: readonly TypedParameter[],
    flags: number = DomainAffect.current,
  ): Promise<void> {
    using encoded = new EncodedParameters(parameters);
    await this.#calls.status(
      'virDomainSetSchedulerParametersFlags',
      this.#live(),
      encoded.bytes,
      encoded.count,
      flags,
    );
  }

  async info(): Promise<DomainInfo> {
    const bytes = new Uint8Array(INFO_SIZE);
    await this.#calls.status('virDomainGetInfo', this.#live(), bytes);
    const view = new DataView(bytes.buffer);
    return {
      state: view.getUint8(0),
      maxMemoryKiB: Number(view.getBigUint64(8, true)),
      memoryKiB: Number(view.getBigUint64(16, true)),
      vcpus: view.getUint16(24, true),
      cpuSeconds: Number(view.getBigUint64(32, true)) / 1e9,
    };
  }

  async state(): Promise<DomainStateReason> {
    const state: [number] = [0];
    const reason: [number] = [0];
    await this.#calls.status('virDomainGetState', this.#live(), state, reason, 0);
    return { state: state[0], reason: reason[0] };
  }

  /** The domain's XML as it runs now. */
  async xml(flags = 0): Promise<string> {
    return this.#calls.text('virDomainGetXMLDesc', this.#live(), flags);
  }

  /** The metadata element of `namespace` as XML. Fails with ErrorCode.noDomainMetadata where there is none. */
  async metadata(namespace: string, flags: number = DomainAffect.current): Promise<string> {
    return this.#calls.text('virDomainGetMetadata', this.#live(), MetadataType.element, namespace, flags);
  }

  /** Sets the metadata element of `namespace`, with `prefix` as its namespace prefix; null removes it. */
  async setMetadata(
    namespace: string,
    prefix: string,
    xml: string | null,
    flags: number = DomainAffect.current,
  ): Promise<void> {
    const type = MetadataType.element;
    await this.#calls.status('virDomainSetMetadata', this.#live(), type, xml, prefix, namespace, flags);
  }

  /** Aborts the job that runs on the domain (migration, save). Call it on another connection than the job's. */
  async abortJob(): Promise<void> {
    await this.#calls.status('virDomainAbortJob', this.#live());
  }

  /** Frees the handle after the calls made so far; the VM is left as it is. */
  [Symbol.dispose](): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#onFree(this);
    this.#calls.afterwards(() => {
      this.#calls.native.virDomainFree(this.#pointer);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
  }

  #live(): Pointer {
    if (!this.#freed) return this.#pointer;
    throw new LibvirtError('virDomain', {
      code: ErrorCode.invalidDomain,
      domain: ErrorDomain.domain,
      level: 2,
      message: `the handle of domain ${this.name} was freed`,
    });
  }
}
