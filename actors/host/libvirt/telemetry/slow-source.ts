/** One tick of the slow clock from libvirt: bulk statistics of all running domains, CPU and memory of the host. */
import type { HostCounters, SlowReading } from '../../telemetry/mod.ts';
import { type Connection, DomainListFlag, DomainStatsGroup } from '../binding/mod.ts';
import { domainCounters } from './bulk-stats.ts';

/** What the slow clock asks of a connection. */
export type SlowConnection = Pick<Connection, 'getAllDomainStats' | 'nodeMemory' | 'nodeCpuStats'>;

/** About 1 ms of monitor time for each of the first five and each domain; the others cost next to nothing. */
const GROUPS =
  DomainStatsGroup.cpu |
  DomainStatsGroup.balloon |
  DomainStatsGroup.vcpu |
  DomainStatsGroup.block |
  DomainStatsGroup.dirtyRate |
  DomainStatsGroup.interface |
  DomainStatsGroup.perf;

/** VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT: a domain in a long job (migration, save) tells less instead of holding up all. */
const NO_WAIT = 1 << 29;
const KIB_PER_MIB = 1024;
const NS = 1e-9;

/** Domains that `wanted` refuses are left out. Rejects with LibvirtError. */
export async function readSlow(
  connection: SlowConnection,
  wanted: (domain: string) => boolean = () => true,
): Promise<SlowReading> {
  const [stats, memory, cpu] = await Promise.all([
    connection.getAllDomainStats(GROUPS, DomainListFlag.active | NO_WAIT),
    connection.nodeMemory(),
    connection.nodeCpuStats(),
  ]);
  const domains = stats.filter(({ name }) => wanted(name)).map(domainCounters);
  return { host: hostCounters(memory, cpu), domains };
}

function hostCounters(
  memory: Readonly<Record<string, number>>,
  cpu: Readonly<Record<string, number>>,
): HostCounters {
  return {
    cpu: scaled(
      { userSeconds: cpu.user, systemSeconds: cpu.kernel, idleSeconds: cpu.idle, ioWaitSeconds: cpu.iowait },
      NS,
    ),
    memory: scaled(
      { totalMiB: memory.total, freeMiB: memory.free, buffersMiB: memory.buffers, cachedMiB: memory.cached },
      1 / KIB_PER_MIB,
    ),
  };
}

function scaled<Key extends string>(
  fields: Readonly<Record<Key, number | undefined>>,
  scale: number,
): { [K in Key]?: number } {
  const there: { [K in Key]?: number } = {};
  for (const key in fields) {
    const value = fields[key];
    if (value !== undefined) there[key] = value * scale;
  }
  return there;
}
