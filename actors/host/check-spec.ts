/** Checks what callers ask of a hypervisor before any driver acts on it; each refusal names the field. */
import { HypervisorError } from './errors.ts';
import type { Allocation, DiskSpec, DomainSpec } from './port/mod.ts';

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const BRIDGE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/;
const MAX_JOB_ID_BYTES = 512;
/** `vda` to `vdp`: each is a PCI device, and the bus has 32 slots. */
const MAX_DISKS = 16;
/** 64 TiB, what qcow2 can hold. */
const MAX_DISK_MIB = 64 * 1024 * 1024;

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
  checkDisks(spec.disks ?? []);
  checkMemoryDevice(spec.memoryDevice);
  if (spec.network !== undefined) checkBridge(spec.network.bridge);
}

/** Throws `invalid-field` unless `name` can name a domain. */
export function checkName(name: string): void {
  if (!NAME.test(name)) refuse('name', name, 'lower-case letters, digits and hyphens, 1 to 63 of them');
}

/** Throws `invalid-field` unless `id` can name a checkpoint. */
export function checkCheckpointId(id: string): void {
  if (!NAME.test(id)) refuse('id', id, 'lower-case letters, digits and hyphens, 1 to 63 of them');
}

/** Throws `invalid-field` unless so many checkpoints can be kept. */
export function checkKeep(keep: number): void {
  if (!(Number.isInteger(keep) && keep >= 1)) refuse('keep', keep, 'a whole number from 1');
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

function checkDisks(disks: readonly DiskSpec[]): void {
  if (disks.length > MAX_DISKS) refuse('disks', `${disks.length} of them`, `at most ${MAX_DISKS}`);
  for (const [index, { sizeMiB, base }] of disks.entries()) {
    if (!(Number.isInteger(sizeMiB) && sizeMiB >= 1 && sizeMiB <= MAX_DISK_MIB)) {
      refuse(`disks[${index}].sizeMiB`, sizeMiB, `a whole number from 1 to ${MAX_DISK_MIB}`);
    }
    if (base !== undefined) checkPath(`disks[${index}].base`, base);
  }
}

function checkMemoryDevice(device: DomainSpec['memoryDevice']): void {
  if (device === undefined || ['virtio-mem', 'balloon', 'dimm'].includes(device)) return;
  refuse('memoryDevice', device, 'virtio-mem, balloon or dimm');
}

/** Linux: at most 15 bytes, no slash and no blank. */
function checkBridge(bridge: string): void {
  if (!BRIDGE.test(bridge)) {
    refuse(
      'network.bridge',
      JSON.stringify(bridge.slice(0, 40)),
      "a bridge's name, at most 15 letters and digits",
    );
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

/** Throws `invalid-field`; `right` says what would be. */
export function refuse(field: string, value: unknown, right: string): never {
  throw new HypervisorError(`${field} cannot be ${value}`, { field, hint: right }, 'invalid-field');
}
