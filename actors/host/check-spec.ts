/** Checks what callers ask of a hypervisor before any driver acts on it; each refusal names the field. */
import { HypervisorError } from './errors.ts';
import type { Allocation, DomainSpec } from './port.ts';

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const MAX_JOB_ID_BYTES = 512;

/** Throws `invalid-field` for a domain that no driver may create. */
export function checkSpec(spec: DomainSpec): void {
  checkName(spec.name);
  checkJobId(spec.jobId);
  checkPath('image.kernel', spec.image.kernel);
  checkPath('image.initrd', spec.image.initrd);
  checkText('image.name', spec.image.name);
  checkAllocation('limit', spec.limit);
  checkAllocation('allocation', spec.allocation);
  checkCores(spec.allocation.cores, spec.limit, 'allocation.cores');
  checkVcpus(spec.allocation.vcpus, spec.limit, 'allocation.vcpus');
  checkMemory(spec.allocation.memoryMiB, spec.limit, 'allocation.memoryMiB');
}

/** Throws `invalid-field` unless `name` can name a domain. */
export function checkName(name: string): void {
  if (!NAME.test(name)) refuse('name', name, 'lower-case letters, digits and hyphens, 1 to 63 of them');
}

export function checkCores(cores: number, limit: Allocation, field = 'cores'): void {
  if (!(cores > 0 && cores <= limit.cores)) refuse(field, cores, `more than 0 and at most ${limit.cores}`);
}

export function checkVcpus(vcpus: number, limit: Allocation, field = 'vcpus'): void {
  if (!(Number.isInteger(vcpus) && vcpus >= 1 && vcpus <= limit.vcpus)) {
    refuse(field, vcpus, `a whole number from 1 to ${limit.vcpus}`);
  }
}

export function checkMemory(memoryMiB: number, limit: Allocation, field = 'memoryMiB'): void {
  if (!(memoryMiB > 0 && memoryMiB <= limit.memoryMiB)) {
    refuse(field, memoryMiB, `more than 0 and at most ${limit.memoryMiB}`);
  }
}

function checkAllocation(field: string, allocation: Allocation): void {
  const { cores, vcpus, memoryMiB } = allocation;
  if (!(Number.isFinite(cores) && cores > 0)) refuse(`${field}.cores`, cores, 'a number above 0');
  if (!(Number.isInteger(vcpus) && vcpus >= 1 && vcpus <= 255)) refuse(`${field}.vcpus`, vcpus, '1 to 255');
  if (!(Number.isFinite(memoryMiB) && memoryMiB > 0))
    refuse(`${field}.memoryMiB`, memoryMiB, 'a number above 0');
}

function checkJobId(jobId: string): void {
  checkText('jobId', jobId);
  if (jobId.length === 0 || new TextEncoder().encode(jobId).length > MAX_JOB_ID_BYTES) {
    refuse('jobId', jobId.slice(0, 40), `1 to ${MAX_JOB_ID_BYTES} bytes`);
  }
}

function checkPath(field: string, path: string): void {
  checkText(field, path);
  if (!path.startsWith('/')) refuse(field, path, 'an absolute path');
}

/** Control characters cannot be written in XML 1.0, and lone surrogates not in UTF-8. */
function checkText(field: string, text: string): void {
  const control = [...text].some(
    (character) => character < ' ' || character === '\u{fffe}' || character === '\u{ffff}',
  );
  if (control || !text.isWellFormed()) {
    refuse(field, JSON.stringify(text.slice(0, 40)), 'text without control characters');
  }
}

function refuse(field: string, value: unknown, right: string): never {
  throw new HypervisorError(`${field} cannot be ${value}`, { field, hint: right }, 'invalid-field');
}
