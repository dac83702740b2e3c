/** From a job's request to what its host starts and its shadow may do. Pure. */
import type { WardSpec } from '../allocator/mod.ts';
import type { Allocation, Tenant } from '../host/mod.ts';
import type { JobContext, JobRequest } from '../job/mod.ts';

/** The least CPU a shadow leaves a job, cores: enough for its guest to stay alive and answer. */
const LEAST_CORES = 0.1;

export function tenantOf(job: JobContext): Tenant {
  const { request } = job;
  return {
    jobId: job.id,
    domain: domainName(job.id),
    image: request.image,
    command: request.command ?? request.script ?? '',
    allocation: allocationOf(request.resources.cores, request.resources.memoryMiB),
    limit: limitOf(request),
    criticality: request.criticality,
    ...(request.deadlineSeconds !== undefined && { deadlineSeconds: request.deadlineSeconds }),
    ...(job.startedAt !== undefined && { startedAt: job.startedAt }),
  };
}

/** `allocation`: what the domain has now, which after a restart is not what it started with. */
export function wardOf(job: JobContext, host: string, allocation: Allocation): WardSpec {
  const { policy, confidence, dryRun } = job.request.shadow;
  return {
    jobId: job.id,
    domain: domainName(job.id),
    host,
    policy: { kind: policy, confidence },
    allocation,
    // What a guest boots with is plugged for good; only what was added to it can be taken away again.
    floor: { cores: LEAST_CORES, vcpus: 1, memoryMiB: job.request.resources.memoryMiB },
    limit: limitOf(job.request),
    dryRun,
  };
}

function domainName(jobId: string): string {
  return `sg-${jobId}`;
}

function limitOf({ resources }: JobRequest): Allocation {
  return allocationOf(resources.maxCores, resources.maxMemoryMiB);
}

function allocationOf(cores: number, memoryMiB: number): Allocation {
  return { cores, vcpus: Math.max(1, Math.ceil(cores)), memoryMiB };
}
