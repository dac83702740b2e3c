/** How a domain's memory is made of a fixed base and what can be added to it, and how its size is asked for. */
import type { DomainSpec, MemoryDevice } from '../port/mod.ts';

/** virtio-mem plugs and unplugs in blocks of this size. */
const BLOCK_MIB = 2;
/** A guest of ours does not boot with less. */
const MIN_BASE_MIB = 96;
/** Linux adds hot-plugged memory in sections of this size: a device that ends within one loses the rest. */
const SECTION_MIB = 128;

export interface MemoryLayout {
  readonly device: MemoryDevice;
  /** Memory the guest boots with, MiB. */
  readonly baseMiB: number;
  /** What can be added, MiB. 0: nothing. */
  readonly deviceMiB: number;
}

export function layoutOf(spec: DomainSpec): MemoryLayout {
  const { allocation, limit, memoryDevice: device = 'virtio-mem' } = spec;
  // A balloon only takes: its guest boots with all it can ever have.
  const bootMiB = device === 'balloon' ? limit.memoryMiB : allocation.memoryMiB;
  const baseMiB = Math.max(MIN_BASE_MIB, roundUp(bootMiB, BLOCK_MIB));
  return { device, baseMiB, deviceMiB: roundUp(Math.max(0, limit.memoryMiB - baseMiB), SECTION_MIB) };
}

/** What the guest is given when asked for `memoryMiB`: in steps of its device, never below what that can take away. */
export function grantFor(layout: MemoryLayout, memoryMiB: number): number {
  const { device, baseMiB, deviceMiB } = layout;
  const step = device === 'dimm' ? SECTION_MIB : BLOCK_MIB;
  if (device === 'balloon') return Math.min(baseMiB, Math.max(MIN_BASE_MIB, roundUp(memoryMiB, BLOCK_MIB)));
  return baseMiB + Math.min(deviceMiB, roundUp(Math.max(0, memoryMiB - baseMiB), step));
}

/** The elements that a new domain's XML begins with. */
export function memorySizes(layout: MemoryLayout, memoryMiB: number): string {
  const { baseMiB, deviceMiB } = layout;
  const slots = layout.device === 'dimm' ? deviceMiB / SECTION_MIB : 1;
  return [
    deviceMiB > 0 ? `<maxMemory slots='${slots}' unit='MiB'>${baseMiB + deviceMiB}</maxMemory>` : '',
    `<memory unit='MiB'>${baseMiB}</memory>`,
    layout.device === 'balloon'
      ? `<currentMemory unit='MiB'>${grantFor(layout, memoryMiB)}</currentMemory>`
      : '',
  ].join('');
}

/** The device as it stands in a new domain's XML, and in a change of what is requested of it; '' if there is none. */
export function memoryDevice(layout: MemoryLayout, memoryMiB: number, alias = ''): string {
  if (layout.device !== 'virtio-mem' || layout.deviceMiB === 0) return '';
  return [
    "<memory model='virtio-mem'><target>",
    `<size unit='MiB'>${layout.deviceMiB}</size><node>0</node><block unit='MiB'>${BLOCK_MIB}</block>`,
    `<requested unit='MiB'>${grantFor(layout, memoryMiB) - layout.baseMiB}</requested>`,
    `</target>${alias}</memory>`,
  ].join('');
}

/** One module of a `dimm` guest. */
export const DIMM = `<memory model='dimm'><target><size unit='MiB'>${SECTION_MIB}</size><node>0</node></target></memory>`;

/** What live XML says of the memory. */
export interface LiveMemory {
  readonly layout: MemoryLayout;
  /** What the guest was given, or asked to give back down to. */
  readonly grantedMiB: number;
  /** Alias and address that libvirt gave to the virtio-mem device: they belong into a change of it. */
  readonly identity: string;
  /** Modules plugged, as elements, oldest first. */
  readonly dimms: readonly string[];
}

export function parseLiveMemory(domainXml: string, device: MemoryDevice): LiveMemory {
  const baseMiB = kib(/<cell\b[^>]*\bmemory='(\d+)'/.exec(domainXml)?.[1]);
  const maxMiB = kib(/<maxMemory\b[^>]*>(\d+)</.exec(domainXml)?.[1]);
  const devices = domainXml.match(/<memory model='.*?<\/memory>/gs) ?? [];
  const virtioMem = devices.find((element) => element.startsWith("<memory model='virtio-mem'")) ?? '';
  const dimms = devices.filter((element) => element.startsWith("<memory model='dimm'"));
  const sizeOf = (element: string) => kib(/<size unit='KiB'>(\d+)</.exec(element)?.[1]);
  const common = { identity: /<alias [^>]*>\s*<address [^>]*>/s.exec(virtioMem)?.[0] ?? '', dimms };
  switch (device) {
    case 'balloon': {
      const current = kib(/<currentMemory\b[^>]*>(\d+)</.exec(domainXml)?.[1]);
      return { layout: { device, baseMiB, deviceMiB: 0 }, grantedMiB: current || baseMiB, ...common };
    }
    case 'dimm': {
      const plugged = dimms.reduce((sum, element) => sum + sizeOf(element), 0);
      const deviceMiB = Math.max(0, maxMiB - baseMiB);
      return { layout: { device, baseMiB, deviceMiB }, grantedMiB: baseMiB + plugged, ...common };
    }
    case 'virtio-mem': {
      const requested = kib(/<requested unit='KiB'>(\d+)</.exec(virtioMem)?.[1]);
      const layout = { device, baseMiB, deviceMiB: sizeOf(virtioMem) };
      return { layout, grantedMiB: baseMiB + requested, ...common };
    }
  }
}

function kib(text: string | undefined): number {
  return Number(text ?? 0) / 1024;
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
