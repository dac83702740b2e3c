/** One connection to a libvirt daemon or driver: domains, statistics, events, and word of its loss. */
import { CallQueue, invoke } from './calls.ts';
import { DOMAIN_EVENT_ID_LIFECYCLE } from './constants.ts';
import type { Pointer } from './declarations.ts';
import { Domain } from './domain.ts';
import { holdEventLoop, releaseEventLoop } from './event-loop.ts';
import {
  addCloseListener,
  addLifecycleListener,
  type LifecycleListener,
  nativeCallbacks,
  removeCloseListener,
  removeLifecycleListener,
} from './events.ts';
import { copyBytes, loadLibvirt } from './native.ts';
import { openConnection } from './open.ts';
import { type DomainStats, decodeStats } from './stats.ts';

export interface ConnectionOptions {
  /** Seconds between keep-alive messages, default 5; 0 sends none. Three without an answer close the connection. */
  readonly keepAliveSeconds?: number;
}

/** virNodeInfo. */
export interface NodeInfo {
  readonly model: string;
  /** Memory of the first NUMA node on some hosts; for all of it see {@link Connection.nodeMemory}. */
  readonly memoryKiB: number;
  readonly cpus: number;
  readonly mhz: number;
}

export interface OpenedVersion {
  /** Driver: `QEMU`, `Test`. */
  readonly type: string;
  /** Version of the hypervisor, `7.2.0`. */
  readonly hypervisor: string;
  /** Version of the libvirt daemon, `9.0.0`. */
  readonly libvirt: string;
}

const KEEP_ALIVE_SECONDS = 5;
const KEEP_ALIVE_COUNT = 3;
/** sizeof(virNodeInfo). */
const NODE_INFO_SIZE = 64;
const POINTER_SIZE = 8;
/** struct _virNodeMemoryStats: char field[80]; unsigned long long value. */
const MEMORY_STAT_SIZE = 88;
const MEMORY_STAT_VALUE = 80;
const ALL_CELLS = -1;

/**
 * Calls run off the main thread and one after the other: a slow call delays the next one of this connection only.
 * Every call rejects with LibvirtError.
 */
export class Connection implements AsyncDisposable {
  readonly uri: string;
  readonly #calls: CallQueue;
  readonly #pointer: Pointer;
  readonly #domains = new Set<Domain>();
  readonly #events = new Map<number, bigint>();
  readonly #closed: { readonly id: bigint; readonly registered: boolean };
  readonly #closeListeners = new Set<(reason: number) => void>();
  #alive = true;

  private constructor(uri: string, pointer: Pointer) {
    const native = loadLibvirt();
    this.uri = uri;
    this.#pointer = pointer;
    this.#calls = new CallQueue(native, pointer);
    const id = addCloseListener((reason) => this.#lost(reason));
    // Drivers inside this process (test:///) know no close callback: they cannot be lost either.
    const status = native.virConnectRegisterCloseCallback(pointer, nativeCallbacks(native).close, id, null);
    this.#closed = { id, registered: status === 0 };
  }

  /** Opens `uri`. Throws LibvirtMissing, rejects with LibvirtError. */
  static async open(uri: string, options: ConnectionOptions = {}): Promise<Connection> {
    const native = loadLibvirt();
    holdEventLoop();
    try {
      const pointer = await openConnection(native, uri);
      const seconds = options.keepAliveSeconds ?? KEEP_ALIVE_SECONDS;
      // Fails for drivers that have no daemon to keep alive, and nothing follows from that.
      if (seconds > 0) await invoke(native.virConnectSetKeepAlive, [pointer, seconds, KEEP_ALIVE_COUNT]);
      return new Connection(uri, pointer);
    } catch (error) {
      await releaseEventLoop();
      throw error;
    }
  }

  /** False once the daemon is known to be gone, or the connection was closed. */
  get alive(): boolean {
    return this.#alive && !this.#calls.closed;
  }

  /** Asks the transport whether it is still there; no round trip. */
  async isAlive(): Promise<boolean> {
    if (!this.alive) return false;
    if ((await this.#calls.status('virConnectIsAlive', this.#pointer).catch(() => 0)) === 1) return true;
    this.#alive = false;
    return false;
  }

  /** Calls back once when the connection is lost (not when it is closed by us); returns what ends that. */
  onLost(listener: (reason: number) => void): () => void {
    this.#closeListeners.add(listener);
    return () => this.#closeListeners.delete(listener);
  }

  async version(): Promise<OpenedVersion> {
    const hypervisor: [number] = [0];
    const libvirt: [number] = [0];
    await this.#calls.status('virConnectGetVersion', this.#pointer, hypervisor);
    await this.#calls.status('virConnectGetLibVersion', this.#pointer, libvirt);
    return {
      type: this.#calls.native.virConnectGetType(this.#pointer) ?? '',
      hypervisor: versionText(Number(hypervisor[0])),
      libvirt: versionText(Number(libvirt[0])),
    };
  }

  hostname(): Promise<string> {
    return this.#calls.text('virConnectGetHostname', this.#pointer);
  }

  /** Capabilities of host and guests as XML. */
  capabilities(): Promise<string> {
    return this.#calls.text('virConnectGetCapabilities', this.#pointer);
  }

  async nodeInfo(): Promise<NodeInfo> {
    const bytes = new Uint8Array(NODE_INFO_SIZE);
    await this.#calls.status('virNodeGetInfo', this.#pointer, bytes);
    const view = new DataView(bytes.buffer);
    const end = bytes.indexOf(0);
    return {
      model: new TextDecoder().decode(bytes.subarray(0, Math.min(end, 32))),
      memoryKiB: Number(view.getBigUint64(32, true)),
      cpus: view.getUint32(40, true),
      mhz: view.getUint32(44, true),
    };
  }

  /** Memory of the whole host by libvirt's names, KiB: `total`, `free`, `buffers`, `cached`. */
  async nodeMemory(): Promise<Readonly<Record<string, number>>> {
    const count: [number] = [0];
    await this.#calls.status('virNodeGetMemoryStats', this.#pointer, ALL_CELLS, null, count, 0);
    const bytes = new Uint8Array(count[0] * MEMORY_STAT_SIZE);
    await this.#calls.status('virNodeGetMemoryStats', this.#pointer, ALL_CELLS, bytes, count, 0);
    const view = new DataView(bytes.buffer);
    const entries = Array.from({ length: count[0] }, (_, index): [string, number] => {
      const at = index * MEMORY_STAT_SIZE;
      const field = bytes.subarray(at, at + MEMORY_STAT_VALUE);
      const name = new TextDecoder().decode(field.subarray(0, field.indexOf(0)));
      return [name, Number(view.getBigUint64(at + MEMORY_STAT_VALUE, true))];
    });
    return Object.fromEntries(entries);
  }

  /** Domains, running or only defined; `flags`: DomainListFlag. Free each. */
  async listAllDomains(flags = 0): Promise<Domain[]> {
    const list: [Pointer | null] = [null];
    const count = await this.#calls.status('virConnectListAllDomains', this.#pointer, list, flags);
    const array = list[0];
    if (array === null) return [];
    try {
      if (count === 0) return [];
      const pointers = new BigUint64Array(copyBytes(array, count * POINTER_SIZE).buffer);
      return Array.from(pointers, (pointer) => this.#domain(pointer));
    } finally {
      this.#calls.native.free(array);
    }
  }

  /** The domain of that name; fails with ErrorCode.noDomain. */
  async lookupByName(name: string): Promise<Domain> {
    return this.#domain(await this.#calls.pointer('virDomainLookupByName', this.#pointer, name));
  }

  /** The domain of that UUID; fails with ErrorCode.noDomain. */
  async lookupByUuid(uuid: string): Promise<Domain> {
    return this.#domain(await this.#calls.pointer('virDomainLookupByUUIDString', this.#pointer, uuid));
  }

  /** Defines a persistent domain without starting it. */
  async defineXML(xml: string, flags = 0): Promise<Domain> {
    return this.#domain(await this.#calls.pointer('virDomainDefineXMLFlags', this.#pointer, xml, flags));
  }

  /** Starts a transient domain: when it ends nothing is left of it. `flags`: StartFlag. */
  async createXML(xml: string, flags = 0): Promise<Domain> {
    return this.#domain(await this.#calls.pointer('virDomainCreateXML', this.#pointer, xml, flags));
  }

  /** Statistics of all domains. `groups`: DomainStatsGroup, 0 for all; `flags`: DomainListFlag. */
  async getAllDomainStats(groups = 0, flags = 0): Promise<DomainStats[]> {
    const list: [Pointer | null] = [null];
    const count = await this.#calls.status('virConnectGetAllDomainStats', this.#pointer, groups, list, flags);
    const records = list[0];
    if (records === null) return [];
    try {
      return count === 0 ? [] : decodeStats(this.#calls.native, records, count);
    } finally {
      this.#calls.native.virDomainStatsRecordListFree(records);
    }
  }

  /** Calls back on every lifecycle event of every domain; resolves with what ends that. */
  async onLifecycle(listener: LifecycleListener): Promise<() => Promise<void>> {
    const id = addLifecycleListener(listener);
    try {
      const callback = nativeCallbacks(this.#calls.native).lifecycle;
      const event = DOMAIN_EVENT_ID_LIFECYCLE;
      const registration = await this.#calls.status(
        'virConnectDomainEventRegisterAny',
        this.#pointer,
        null,
        event,
        callback,
        id,
        null,
      );
      this.#events.set(registration, id);
      return () => this.#endEvents(registration);
    } catch (error) {
      removeLifecycleListener(id);
      throw error;
    }
  }

  /** Frees every handle and closes; later calls reject. Idempotent. */
  async close(): Promise<void> {
    if (this.#calls.closed) return;
    for (const registration of [...this.#events.keys()]) await this.#endEvents(registration).catch(() => {});
    for (const domain of [...this.#domains]) domain[Symbol.dispose]();
    await this.#calls.close(async () => {
      const { native } = this.#calls;
      // The callback holds a reference: without this the connection would stay open.
      if (this.#closed.registered) {
        native.virConnectUnregisterCloseCallback(this.#pointer, nativeCallbacks(native).close);
      }
      removeCloseListener(this.#closed.id);
      await invoke(native.virConnectClose, [this.#pointer]);
    });
    await releaseEventLoop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #endEvents(registration: number): Promise<void> {
    const id = this.#events.get(registration);
    if (id === undefined) return;
    this.#events.delete(registration);
    removeLifecycleListener(id);
    await this.#calls.status('virConnectDomainEventDeregisterAny', this.#pointer, registration);
  }

  #domain(pointer: Pointer): Domain {
    const domain = new Domain(this.#calls, pointer, (freed) => this.#domains.delete(freed));
    this.#domains.add(domain);
    return domain;
  }

  #lost(reason: number): void {
    this.#alive = false;
    for (const listener of this.#closeListeners) listener(reason);
  }
}

/** libvirt packs 9.0.0 as 9000000. */
function versionText(packed: number): string {
  return `${Math.floor(packed / 1_000_000)}.${Math.floor(packed / 1000) % 1000}.${packed % 1000}`;
}
