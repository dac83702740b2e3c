/** The status of a domain, from its metadata and live libvirt: the same for a process that starts later. */
import type { DomainState, DomainStatus } from '../port/mod.ts';
import { coresOf } from './bandwidth.ts';
import { type Domain, ErrorCode, LibvirtError, DomainState as State } from './binding/mod.ts';
import { parseLiveMemory } from './memory.ts';
import {
  bareMetadataElement,
  type DomainMetadata,
  METADATA_NAMESPACE,
  METADATA_PREFIX,
  parseMetadata,
} from './metadata.ts';

/** Our metadata of the domain; undefined if it is not one of ours. */
export async function readMetadata(domain: Domain): Promise<DomainMetadata | undefined> {
  try {
    return parseMetadata(await domain.metadata(METADATA_NAMESPACE));
  } catch (error) {
    if (error instanceof LibvirtError && error.code === ErrorCode.noDomainMetadata) return undefined;
    throw error;
  }
}

/** `tenant` keeps what was written. */
export async function writeMetadata(
  domain: Domain,
  tenant: { metadata: DomainMetadata },
  metadata: DomainMetadata,
): Promise<void> {
  await domain.setMetadata(METADATA_NAMESPACE, METADATA_PREFIX, bareMetadataElement(metadata));
  tenant.metadata = metadata;
}

/** `cpuQuota`: whether this host limits CPU bandwidth; where it does not, a domain may use its limit. */
export async function readStatus(
  domain: Domain,
  metadata: DomainMetadata,
  cpuQuota: boolean,
): Promise<DomainStatus> {
  const { state } = await domain.state();
  const live = parseLiveMemory(await domain.xml(), metadata.memoryDevice);
  const grantedMiB = metadata.balloonMiB ?? live.grantedMiB;
  const { activeMemoryMiB = grantedMiB, vcpus: warmVcpus = 0 } = metadata.warm ?? {};
  const warm = { vcpus: warmVcpus, memoryMiB: Math.max(0, grantedMiB - activeMemoryMiB) };
  const cores = cpuQuota ? coresOf(await domain.schedulerParameters()) : undefined;
  return {
    name: domain.name,
    jobId: metadata.jobId,
    state: stateOf(state),
    allocation: {
      cores: cores ?? metadata.limit.cores,
      vcpus: metadata.vcpus,
      memoryMiB: activeMemoryMiB,
    },
    limit: metadata.limit,
    ...(warm.vcpus + warm.memoryMiB > 0 && { warm }),
  };
}

function stateOf(state: number): DomainState {
  switch (state) {
    case State.running:
    case State.blocked:
      return 'running';
    case State.paused:
    case State.pmSuspended:
      return 'paused';
    case State.crashed:
      return 'crashed';
    default:
      return 'stopped';
  }
}
