/** What of a domain can only be said before it starts, as elements of its XML. */
import type { FineGrain } from '../../port/mod.ts';

export interface FineGrainElements {
  /** For inside `<cputune>`. */
  readonly cputune: string;
  /** For the domain. */
  readonly domain: string;
}

/** Source: formatdomain.html, "CPU Tuning", "Memory Backing", "NUMA Node Tuning". Values are checked by checkFineGrain. `nodes`: those of the host. */
export function fineGrainElements(
  fineGrain: FineGrain = {},
  nodes: readonly number[] = [],
): FineGrainElements {
  const { cache = [], memoryBandwidth = [], hugepageMiB } = fineGrain;
  const memoryNodes = fineGrain.memoryNodes ?? (nodes.length > 1 ? nodes : undefined);
  const cachetune = cache.map(
    ({ vcpus, cacheId, sizeKiB }) =>
      `<cachetune vcpus='${vcpus.join(',')}'><cache id='${cacheId}' level='3' type='both' size='${sizeKiB}' unit='KiB'/></cachetune>`,
  );
  const memorytune = memoryBandwidth.map(
    ({ vcpus, node, percent }) =>
      `<memorytune vcpus='${vcpus.join(',')}'><node id='${node}' bandwidth='${percent}'/></memorytune>`,
  );
  const hugepages =
    hugepageMiB === undefined
      ? ''
      : `<memoryBacking><hugepages><page size='${hugepageMiB}' unit='MiB'/></hugepages></memoryBacking>`;
  // Restrictive: libvirt changes the nodes of a running domain in no other mode.
  const numatune =
    memoryNodes === undefined
      ? ''
      : `<numatune><memory mode='restrictive' nodeset='${memoryNodes.join(',')}'/></numatune>`;
  return { cputune: [...cachetune, ...memorytune].join(''), domain: hugepages + numatune };
}
