/** What libvirt's capabilities XML says of the host: CPUs, NUMA nodes, huge pages, what resctrl can divide. */

export interface HostTopology {
  /** Numbers of the host's CPUs. */
  readonly cpus: readonly number[];
  /** Numbers of its NUMA nodes. */
  readonly nodes: readonly number[];
  /** Sizes of huge pages of which the host has any, MiB, ascending. */
  readonly hugepagesMiB: readonly number[];
  /** Last-level caches that can be divided; none without resctrl. */
  readonly caches: readonly CacheBank[];
  /** Nodes whose memory bandwidth can be divided. */
  readonly bandwidthNodes: readonly number[];
}

export interface CacheBank {
  readonly id: number;
  readonly level: number;
  readonly sizeKiB: number;
  /** The smallest part that can be given, and the steps above it. */
  readonly granularityKiB: number;
}

export function parseTopology(capabilitiesXml: string): HostTopology {
  // Guests' architectures come after the host, with elements of the same names.
  const host = /<host>.*?<\/host>/s.exec(capabilitiesXml)?.[0] ?? '';
  const cells = /<topology>.*<\/topology>/s.exec(host)?.[0] ?? '';
  const cache = /<cache>.*?<\/cache>/s.exec(host)?.[0] ?? '';
  const bandwidth = /<memory_bandwidth>.*?<\/memory_bandwidth>/s.exec(host)?.[0] ?? '';
  return {
    cpus: unique(numbersOf(cells, /<cpu id='(\d+)'/g)),
    nodes: unique(numbersOf(cells, /<cell id='(\d+)'/g)),
    hugepagesMiB: unique(hugepages(cells)),
    caches: banks(cache),
    bandwidthNodes: [...bandwidth.matchAll(/<node id='(\d+)'[^>]*>(.*?)<\/node>/gs)]
      .filter(([, , inside]) => inside?.includes('<control'))
      .map(([, id]) => Number(id)),
  };
}

/** The base page is listed too, with most of the memory: it is not huge. */
function hugepages(cells: string): number[] {
  return [...cells.matchAll(/<pages unit='KiB' size='(\d+)'>(\d+)</g)]
    .filter(([, sizeKiB, count]) => Number(sizeKiB) >= 1024 && Number(count) > 0)
    .map(([, sizeKiB]) => Number(sizeKiB) / 1024);
}

function banks(cache: string): CacheBank[] {
  return [...cache.matchAll(/<bank\b([^>]*[^/])>(.*?)<\/bank>/gs)].flatMap(
    ([, attributes = '', inside = '']) => {
      const granularity = /<control\b[^>]*>/.exec(inside)?.[0];
      if (granularity === undefined) return [];
      const value = (of: string, name: string) =>
        Number(new RegExp(`\\b${name}='(\\d+)'`).exec(of)?.[1] ?? 0);
      const kib = (of: string, name: string) =>
        value(of, name) * (/unit='MiB'/.test(of) ? 1024 : /unit='B'/.test(of) ? 1 / 1024 : 1);
      return [
        {
          id: value(attributes, 'id'),
          level: value(attributes, 'level'),
          sizeKiB: kib(attributes, 'size'),
          granularityKiB: kib(granularity, 'granularity'),
        },
      ];
    },
  );
}

function numbersOf(xml: string, pattern: RegExp): number[] {
  return Array.from(xml.matchAll(pattern), ([, digits]) => Number(digits));
}

function unique(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}
