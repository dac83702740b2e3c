/** How a domain's memory is made of a fixed base and a virtio-mem device, and how its size is asked for. */
import type { DomainSpec } from '../port.ts';

/** virtio-mem plugs and unplugs in blocks of this size. */
const BLOCK_MIB = 2;
/** A guest of ours does not boot with less. */
const MIN_BASE_MIB = 96;
/** Linux adds hot-plugged memory in sections of this size: a device that ends within one loses the rest. */
const SECTION_MIB = 128;

export interface MemoryLayout {
  /** Memory the guest boots with, MiB. */
  readonly baseMiB: number;
  /** Size of the virtio-mem device, MiB: what can be added. 0: there is none. */
  readonly deviceMiB: number;
}

export function layoutOf(spec: DomainSpec): MemoryLayout {
  const baseMiB = Math.max(MIN_BASE_MIB, roundUp(spec.allocation.memoryMiB, BLOCK_MIB));
  return { baseMiB, deviceMiB: roundUp(Math.max(0, spec.limit.memoryMiB - baseMiB), SECTION_MIB) };
}

/** What to request of the device for a total of `memoryMiB`; never less than nothing. */
export function requestFor(layout: MemoryLayout, memoryMiB: number): number {
  return Math.min(layout.deviceMiB, roundUp(Math.max(0, memoryMiB - layout.baseMiB), BLOCK_MIB));
}

/** The device as it stands in a new domain's XML, and in a change of what is requested of it. */
export function memoryDevice(layout: MemoryLayout, requestedMiB: number, alias = ''): string {
  return [
    "<memory model='virtio-mem'><target>",
    `<size unit='MiB'>${layout.deviceMiB}</size><node>0</node>`,
    `<block unit='MiB'>${BLOCK_MIB}</block><requested unit='MiB'>${requestedMiB}</requested>`,
    `</target>${alias}</memory>`,
  ].join('');
}

/** What live XML says of the memory. `device` is the element to send back for a change, less its request. */
export interface LiveMemory {
  readonly layout: MemoryLayout;
  readonly requestedMiB: number;
  /** Alias and address that libvirt gave to the device. */
  readonly identity: string;
}

export function parseLiveMemory(domainXml: string): LiveMemory {
  const baseMiB = kib(/<cell\b[^>]*\bmemory='(\d+)'/.exec(domainXml)?.[1]);
  const device = /<memory model='virtio-mem'>.*?<\/memory>/s.exec(domainXml)?.[0] ?? '';
  return {
    layout: { baseMiB, deviceMiB: kib(/<size unit='KiB'>(\d+)</.exec(device)?.[1]) },
    requestedMiB: kib(/<requested unit='KiB'>(\d+)</.exec(device)?.[1]),
    identity: /<alias [^>]*>\s*<address [^>]*>/s.exec(device)?.[0] ?? '',
  };
}

function kib(text: string | undefined): number {
  return Number(text ?? 0) / 1024;
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
