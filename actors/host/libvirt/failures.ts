/** libvirt's errors in the words of the Hypervisor port. */
import { DomainNotFound, HypervisorError } from '../errors.ts';
import { ErrorCode, LibvirtError } from './binding/mod.ts';

/** Whether libvirt says that there is no such domain, or none that runs. */
export function isGone(error: unknown): boolean {
  if (!(error instanceof LibvirtError)) return false;
  if (error.code === ErrorCode.noDomain) return true;
  return error.code === ErrorCode.operationInvalid && error.message.includes('domain is not running');
}

/** The error to throw for what failed, on `domain` or on the host; errors of ours pass unchanged. */
export function translate(error: unknown, domain?: string): unknown {
  if (!(error instanceof LibvirtError)) return error;
  if (domain !== undefined && isGone(error)) return new DomainNotFound(domain);
  const retryable = RETRYABLE.has(error.code);
  const subject = domain === undefined ? 'libvirt' : `domain ${domain}`;
  return new HypervisorError(`${subject}: ${error.message}`, { cause: error, retryable });
}

/** Another operation holds the domain, or it did not answer in time. */
const RETRYABLE: ReadonlySet<number> = new Set([
  ErrorCode.operationTimeout,
  ErrorCode.resourceBusy,
  ErrorCode.operationAborted,
]);

/** Whether a migration failed before it had touched the domain. */
export function nothingBegun(error: unknown): boolean {
  return error instanceof HypervisorError && BEFORE.has(error.code);
}

const BEFORE: ReadonlySet<string> = new Set([
  'migration-refused',
  'no-space',
  'checkpoint-failed',
  'capability-missing',
  'invalid-field',
]);
