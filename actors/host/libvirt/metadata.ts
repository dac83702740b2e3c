/** What a domain carries about its job, so that a process that starts later can adopt it. */
import type { Allocation, DomainSpec } from '../port.ts';
import { escapeXml, firstElementAttributes } from './xml.ts';

export const METADATA_NAMESPACE = 'urn:shadowgrid:domain:1';
export const METADATA_PREFIX = 'shadowgrid';

export interface DomainMetadata {
  readonly jobId: string;
  readonly image: string;
  /** vCPUs asked to be online; libvirt itself knows only how many are plugged. */
  readonly vcpus: number;
  readonly limit: Allocation;
}

export function metadataOf(spec: DomainSpec): DomainMetadata {
  return { jobId: spec.jobId, image: spec.image.name, vcpus: spec.allocation.vcpus, limit: spec.limit };
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
  return { jobId, image: found.get('image') ?? '', vcpus, limit: { cores, vcpus: limitVcpus, memoryMiB } };
}

const NUMBERS = ['vcpus', 'limit-cores', 'limit-vcpus', 'limit-memory-mib'];

function attributes({ jobId, image, vcpus, limit }: DomainMetadata): string {
  return [
    `job='${escapeXml(jobId)}'`,
    `image='${escapeXml(image)}'`,
    `vcpus='${vcpus}'`,
    `limit-cores='${limit.cores}'`,
    `limit-vcpus='${limit.vcpus}'`,
    `limit-memory-mib='${limit.memoryMiB}'`,
  ].join(' ');
}
