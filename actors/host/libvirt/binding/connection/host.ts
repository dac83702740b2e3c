/** The host of a connection: versions, capabilities, CPUs, memory, NUMA, pages. */
import type { Pointer } from '../c-types.ts';
import { decodeCpuMap } from '../cpu-map.ts';
import { copyBytes, readString } from '../native.ts';
import { pointersAt, roomFor, Structure } from '../structure.ts';
import { ConnectionEvents } from './events.ts';

/** virNodeInfo. */
export interface NodeInfo {
  readonly model: string;
  /** Memory of the first NUMA node on some hosts; for all of it see {@link ConnectionHost.nodeMemory}. */
  readonly memoryKiB: number;
  readonly cpus: number;
  readonly mhz: number;
  /** NUMA nodes; 1 where there is no NUMA. */
  readonly nodes: number;
  /** Per NUMA node. */
  readonly sockets: number;
  readonly coresPerSocket: number;
  readonly threadsPerCore: number;
}

export interface OpenedVersion {
  /** Driver: `QEMU`, `Test`. */
  readonly type: string;
  /** Version of the hypervisor, `7.2.0`. */
  readonly hypervisor: string;
  /** Version of the libvirt daemon, `9.0.0`. */
  readonly libvirt: string;
}

export interface DomainCapabilitiesQuery {
  readonly emulator?: string;
  readonly architecture?: string;
  readonly machine?: string;
  /** `kvm`, `qemu`. */
  readonly virtualization?: string;
}

/** Free pages of one size on each NUMA node asked for. */
export interface FreePages {
  readonly node: number;
  readonly sizeKiB: number;
  readonly free: number;
}

/** sizeof(virNodeInfo). */
const NODE_INFO_SIZE = 64;
/** struct _virNodeMemoryStats and _virNodeCPUStats: char field[80]; unsigned long long value. */
const NAMED_SIZE = 88;
const NAME_LENGTH = 80;
const ALL = -1;
const FREE_PAGES = 'virNodeGetFreePages';
const ALLOC_PAGES = 'virNodeAllocPages';

export abstract class ConnectionHost extends ConnectionEvents {
  async version(): Promise<OpenedVersion> {
    const hypervisor: [number] = [0];
    const libvirt: [number] = [0];
    await this.calls.status('virConnectGetVersion', this.pointer, hypervisor);
    await this.calls.status('virConnectGetLibVersion', this.pointer, libvirt);
    return {
      type: this.calls.native.virConnectGetType(this.pointer) ?? '',
      hypervisor: versionText(Number(hypervisor[0])),
      libvirt: versionText(Number(libvirt[0])),
    };
  }

  hostname(): Promise<string> {
    return this.calls.text('virConnectGetHostname', this.pointer);
  }

  /** Capabilities of host and guests as XML. */
  capabilities(): Promise<string> {
    return this.calls.text('virConnectGetCapabilities', this.pointer);
  }

  /** What domains of one emulator and machine can have, as XML. */
  domainCapabilities(query: DomainCapabilitiesQuery = {}): Promise<string> {
    return this.calls.text(
      'virConnectGetDomainCapabilities',
      this.pointer,
      query.emulator ?? null,
      query.architecture ?? null,
      query.machine ?? null,
      query.virtualization ?? null,
      0,
    );
  }

  /** BIOS and board of the host as XML. */
  sysinfo(): Promise<string> {
    return this.calls.text('virConnectGetSysinfo', this.pointer, 0);
  }

  /** The most vCPUs of a domain of `type` (`kvm`, `qemu`). */
  maxVcpus(type: string | null = null): Promise<number> {
    return this.calls.status('virConnectGetMaxVcpus', this.pointer, type);
  }

  /** Names of the CPU models of an architecture. */
  async cpuModelNames(architecture: string): Promise<string[]> {
    const list: [Pointer | null] = [null];
    const count = await this.calls.status('virConnectGetCPUModelNames', this.pointer, architecture, list, 0);
    if (list[0] === null) return [];
    const { native } = this.calls;
    const names = pointersAt(list[0], count).map((pointer) => {
      const name = readString(pointer);
      native.free(pointer);
      return name;
    });
    native.free(list[0]);
    return names;
  }

  /** virCPUCompareResult: -1 error, 0 the host cannot run that CPU, 1 it is that CPU, 2 it is more than that. */
  compareCPU(xml: string, flags = 0): Promise<number> {
    return this.calls.status('virConnectCompareCPU', this.pointer, xml, flags);
  }

  /** The CPU that all of those hosts (`<cpu>` elements) can run: for migration among them. */
  baselineCPU(xmls: readonly string[], flags = 0): Promise<string> {
    return this.calls.text('virConnectBaselineCPU', this.pointer, xmls, xmls.length, flags);
  }

  async nodeInfo(): Promise<NodeInfo> {
    const info = new Structure(NODE_INFO_SIZE);
    await this.calls.status('virNodeGetInfo', this.pointer, info.bytes);
    return {
      model: info.field(0, 32),
      memoryKiB: info.ulong(32),
      cpus: info.uint(40),
      mhz: info.uint(44),
      nodes: info.uint(48),
      sockets: info.uint(52),
      coresPerSocket: info.uint(56),
      threadsPerCore: info.uint(60),
    };
  }

  /** Memory by libvirt's names, KiB (`total`, `free`, `buffers`, `cached`): of one NUMA node, or of the whole host. */
  nodeMemory(node = ALL): Promise<Readonly<Record<string, number>>> {
    return readNamed((memory, count) =>
      this.calls.status('virNodeGetMemoryStats', this.pointer, node, memory, count, 0),
    );
  }

  /** Time by libvirt's names (`kernel`, `user`, `idle`, `iowait`), nanoseconds: of one CPU, or of all together. */
  nodeCpuStats(cpu = ALL): Promise<Readonly<Record<string, number>>> {
    return readNamed((memory, count) =>
      this.calls.status('virNodeGetCPUStats', this.pointer, cpu, memory, count, 0),
    );
  }

  /** How many CPUs there are, and which of them are online. */
  async nodeCpuMap(): Promise<{ readonly present: number; readonly online: readonly number[] }> {
    const map: [Pointer | null] = [null];
    const online: [number] = [0];
    const present = await this.calls.status('virNodeGetCPUMap', this.pointer, map, online, 0);
    if (map[0] === null) return { present, online: [] };
    const bytes = copyBytes(map[0], Math.ceil(present / 8));
    this.calls.native.free(map[0]);
    return { present, online: decodeCpuMap(bytes) };
  }

  /** Free memory of the host, bytes. */
  nodeFreeMemory(): Promise<number> {
    return this.calls.amount('virNodeGetFreeMemory', this.pointer);
  }

  /** Free memory of `count` NUMA nodes from `first`, bytes. */
  async nodeCellsFreeMemory(first = 0, count = 1): Promise<number[]> {
    const bytes = new BigUint64Array(roomFor('virNodeGetCellsFreeMemory', 'maxCells', count, 8));
    const found = await this.calls.status('virNodeGetCellsFreeMemory', this.pointer, bytes, first, count);
    return Array.from(bytes.subarray(0, found), Number);
  }

  /** Free pages of each size (KiB: 4, 2048, 1048576) on `count` NUMA nodes from `first`. */
  async nodeFreePages(sizesKiB: readonly number[], first = 0, count = 1): Promise<FreePages[]> {
    const sizes = Uint32Array.from(sizesKiB, (size) => roomFor(FREE_PAGES, 'pages', size));
    const room = sizes.length * roomFor(FREE_PAGES, 'cellCount', count, 8);
    const counts = new BigUint64Array(roomFor(FREE_PAGES, 'cellCount', room, 8));
    await this.calls.status(
      'virNodeGetFreePages',
      this.pointer,
      sizes.length,
      sizes,
      first,
      count,
      counts,
      0,
    );
    return Array.from(counts, (free, index) => ({
      node: first + Math.floor(index / sizes.length),
      sizeKiB: sizes[index % sizes.length]!,
      free: Number(free),
    }));
  }

  /** Makes a NUMA node have `pages` huge pages of a size; with VIR_NODE_ALLOC_PAGES_ADD so many more. */
  async nodeAllocPages(sizeKiB: number, pages: number, node = 0, flags = 0): Promise<void> {
    await this.calls.status(
      'virNodeAllocPages',
      this.pointer,
      1,
      Uint32Array.of(roomFor(ALLOC_PAGES, 'pageSizes', sizeKiB)),
      BigUint64Array.of(BigInt(roomFor(ALLOC_PAGES, 'pageCounts', pages))),
      node,
      1,
      flags,
    );
  }
}

/** Asks how many values there are, then for them. */
async function readNamed(
  ask: (memory: Uint8Array<ArrayBuffer> | null, count: [number]) => Promise<number>,
): Promise<Readonly<Record<string, number>>> {
  const count: [number] = [0];
  await ask(null, count);
  const values = new Structure(count[0] * NAMED_SIZE);
  await ask(values.bytes, count);
  const entries = Array.from({ length: count[0] }, (_, index): [string, number] => {
    const at = index * NAMED_SIZE;
    return [values.field(at, NAME_LENGTH), values.ulong(at + NAME_LENGTH)];
  });
  return Object.fromEntries(entries);
}

/** libvirt packs 9.0.0 as 9000000. */
function versionText(packed: number): string {
  return `${Math.floor(packed / 1_000_000)}.${Math.floor(packed / 1000) % 1000}.${packed % 1000}`;
}
