/** What a domain carries about its job, so that a process that starts later can adopt it. */
import type { Allocation, DomainSpec, MemoryDevice } from '../port/mod.ts';
import { grantFor, layoutOf } from './memory.ts';
import { escapeXml, firstElementAttributes } from './xml.ts';

export const METADATA_NAMESPACE = 'urn:shadowgrid:domain:1';
export const METADATA_PREFIX = 'shadowgrid';

export interface DomainMetadata {
  readonly jobId: string;
  readonly image: string;
  /** vCPUs asked to be online; libvirt itself knows only how many are plugged. */
  readonly vcpus: number;
  readonly limit: Allocation;
  readonly memoryDevice: MemoryDevice;
  /** What was asked of a balloon, which libvirt tells only once the guest has done it, and then a second late. */
  readonly balloonMiB?: number;
  /** Only while some is warm: the vCPUs that are, and the memory that is not. */
  readonly warm?: { readonly vcpus: number; readonly activeMemoryMiB: number };
  /** Cores of the host for each vCPU, also of those not plugged yet: `0,1;2;` leaves the third where it is. */
  readonly pins?: readonly (readonly number[])[];
}

export function metadataOf(spec: DomainSpec): DomainMetadata {
  const { jobId, image, allocation, limit, memoryDevice = 'virtio-mem' } = spec;
  const balloon = memoryDevice === 'balloon' && {
    balloonMiB: grantFor(layoutOf(spec), allocation.memoryMiB),
  };
  return { jobId, image: image.name, vcpus: allocation.vcpus, limit, memoryDevice, ...balloon };
}

/** The element for the domain's `<metadata>`, with its namespace declared. */
export function metadataElement(metadata: DomainMetadata): string {
  return `<${METADATA_PREFIX}:domain xmlns:${METADATA_PREFIX}='${METADATA_NAMESPACE}' ${attributes(metadata)}/>`;
}

/** The element as virDomainSetMetadata wants it: libvirt adds the namespace. */
export function bareMetadataElement(metadata: DomainMetadata): string {
  return `<domain ${attributes(metadata)}/>`;
}

/** Reads the element back; undefined if it is not one of ours or incomplete. */
export function parseMetadata(xml: string): DomainMetadata | undefined {
  const found = firstElementAttributes(xml);
  const jobId = found.get('job');
  const [vcpus, cores, limitVcpus, memoryMiB] = NUMBERS.map((name) => Number(found.get(name) ?? Number.NaN));
  if (jobId === undefined || !vcpus || !cores || !limitVcpus || !memoryMiB) return undefined;
  const device = found.get('memory-device');
  const warmVcpus = Number(found.get('warm-vcpus') ?? Number.NaN);
  const activeMemoryMiB = Number(found.get('active-memory-mib') ?? Number.NaN);
  const pins = found.get('pins');
  const balloonMiB = Number(found.get('balloon-mib') ?? Number.NaN);
  return {
    jobId,
    image: found.get('image') ?? '',
    vcpus,
    limit: { cores, vcpus: limitVcpus, memoryMiB },
    memoryDevice: device === 'balloon' || device === 'dimm' ? device : 'virtio-mem',
    ...(balloonMiB > 0 && { balloonMiB }),
    ...(warmVcpus >= 0 && activeMemoryMiB > 0 && { warm: { vcpus: warmVcpus, activeMemoryMiB } }),
    ...(pins !== undefined && { pins: pins.split(';').map(coresOf) }),
  };
}

function coresOf(list: string): number[] {
  return list === '' ? [] : list.split(',').map(Number);
}

const NUMBERS = ['vcpus', 'limit-cores', 'limit-vcpus', 'limit-memory-mib'];

function attributes(metadata: DomainMetadata): string {
  const { jobId, image, vcpus, limit, memoryDevice, balloonMiB, warm, pins } = metadata;
  return [
    `job='${escapeXml(jobId)}'`,
    `image='${escapeXml(image)}'`,
    `vcpus='${vcpus}'`,
    `limit-cores='${limit.cores}'`,
    `limit-vcpus='${limit.vcpus}'`,
    `limit-memory-mib='${limit.memoryMiB}'`,
    ...(memoryDevice === 'virtio-mem' ? [] : [`memory-device='${memoryDevice}'`]),
    ...(balloonMiB === undefined ? [] : [`balloon-mib='${balloonMiB}'`]),
    ...(warm === undefined
      ? []
      : [`warm-vcpus='${warm.vcpus}'`, `active-memory-mib='${warm.activeMemoryMiB}'`]),
    ...(pins === undefined ? [] : [`pins='${pins.map((cores) => cores.join(',')).join(';')}'`]),
  ].join(' ');
}
