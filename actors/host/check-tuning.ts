/** Checks limits and placements before any driver acts on them; each refusal names the field. */

import { refuse } from './check-spec.ts';
import { CapabilityMissing } from './errors.ts';
import type {
  BandwidthLimit,
  CpuPlacement,
  DiskLimit,
  DomainSpec,
  HypervisorCapabilities,
} from './port/mod.ts';

/** Far beyond any device, and small enough for every unit it is turned into. */
const MOST = 1e6;

export function checkWeight(weight: number): void {
  if (!(Number.isInteger(weight) && weight >= 1 && weight <= 10_000)) {
    refuse('weight', weight, 'a whole number from 1 to 10000; 100 is usual');
  }
}

/** `cores`: those of the host, by number; `vcpus`: how many the domain can have. */
export function checkPlacement(placement: CpuPlacement, cores: readonly number[], vcpus: number): void {
  if (placement.vcpus.length > vcpus) {
    refuse('vcpus', `${placement.vcpus.length} lists`, `at most ${vcpus}, the domain's limit`);
  }
  placement.vcpus.forEach((list, index) => {
    checkNumbers(`vcpus[${index}]`, list, cores);
  });
  if (placement.emulator !== undefined) checkNumbers('emulator', placement.emulator, cores);
}

export function checkNodes(nodes: readonly number[], there: readonly number[], field = 'nodes'): void {
  if (nodes.length === 0) refuse(field, 'empty', 'at least one node');
  checkNumbers(field, nodes, there);
}

/** `vda` to `vdz`. */
export function checkDisk(disk: string): void {
  if (!/^vd[a-z]$/.test(disk)) refuse('disk', JSON.stringify(disk.slice(0, 40)), "a disk's name, like vda");
}

export function checkDiskLimit(limit: DiskLimit): void {
  for (const field of ['readMBps', 'writeMBps', 'readIops', 'writeIops'] as const)
    checkAmount(field, limit[field]);
}

export function checkBandwidth(limit: BandwidthLimit): void {
  for (const field of ['inboundMbps', 'outboundMbps'] as const) checkAmount(field, limit[field]);
}

/** Throws `CapabilityMissing` for what the host lacks, `invalid-field` for what cannot be. */
export function checkFineGrain(
  spec: DomainSpec,
  capabilities: HypervisorCapabilities,
  nodes: readonly number[],
): void {
  const { cache = [], memoryBandwidth = [], hugepageMiB, memoryNodes } = spec.fineGrain ?? {};
  if (cache.length > 0) need(capabilities, 'cacheWays', capabilities.cacheWays);
  if (memoryBandwidth.length > 0) need(capabilities, 'memoryBandwidth', capabilities.memoryBandwidth);
  const vcpus = Array.from({ length: spec.limit.vcpus }, (_, index) => index);
  cache.forEach(({ vcpus: of, cacheId, sizeKiB }, index) => {
    const field = `fineGrain.cache[${index}]`;
    checkNodes(of, vcpus, `${field}.vcpus`);
    checkWhole(`${field}.cacheId`, cacheId, 0);
    checkWhole(`${field}.sizeKiB`, sizeKiB, 1);
  });
  memoryBandwidth.forEach(({ vcpus: of, node, percent }, index) => {
    const field = `fineGrain.memoryBandwidth[${index}]`;
    checkNodes(of, vcpus, `${field}.vcpus`);
    checkWhole(`${field}.node`, node, 0);
    if (!(Number.isInteger(percent) && percent >= 1 && percent <= 100)) {
      refuse(`${field}.percent`, percent, 'a whole number from 1 to 100');
    }
  });
  if (memoryNodes !== undefined) {
    need(capabilities, 'memoryNodes', capabilities.memoryNodes);
    checkNodes(memoryNodes, nodes, 'fineGrain.memoryNodes');
  }
  if (hugepageMiB !== undefined) checkHugepages(spec, hugepageMiB, capabilities);
}

function checkHugepages(spec: DomainSpec, hugepageMiB: number, capabilities: HypervisorCapabilities): void {
  const sizes = capabilities.hugepagesMiB;
  need(capabilities, 'hugepages', sizes.length > 0);
  const field = 'fineGrain.hugepageMiB';
  if (!sizes.includes(hugepageMiB)) refuse(field, hugepageMiB, `one of ${sizes.join(', ')}`);
  if (spec.allocation.memoryMiB % hugepageMiB !== 0) {
    refuse('allocation.memoryMiB', spec.allocation.memoryMiB, `a multiple of the page, ${hugepageMiB}`);
  }
  if (hugepageMiB > 2 && spec.limit.memoryMiB > spec.allocation.memoryMiB) {
    refuse(field, hugepageMiB, '2 for memory that can grow: it grows in blocks of 2 MiB');
  }
}

/** Throws `CapabilityMissing`, with the reason that was discovered. */
export function need(capabilities: HypervisorCapabilities, capability: string, there: boolean): void {
  if (there) return;
  throw new CapabilityMissing(
    capability,
    `this host lacks ${capability}: ${capabilities.lacking[capability] ?? 'its driver does not do it'}`,
  );
}

function checkNumbers(field: string, numbers: readonly number[], there: readonly number[]): void {
  const wrong = numbers.find((number) => !there.includes(number));
  if (wrong !== undefined) refuse(field, wrong, `of ${there.join(', ')}`);
  if (new Set(numbers).size < numbers.length) refuse(field, numbers.join(','), 'each number once');
}

function checkAmount(field: string, amount: number | undefined): void {
  if (amount === undefined || (amount >= 0 && amount <= MOST)) return;
  refuse(field, amount, `0 for no limit, or a number up to ${MOST}`);
}

function checkWhole(field: string, value: number, least: number): void {
  if (!(Number.isSafeInteger(value) && value >= least)) refuse(field, value, `a whole number from ${least}`);
}
