/** Errors of hypervisors: what failed on which domain, and what the caller can do. */
import { GridError, type GridErrorOptions } from '../../runtime/mod.ts';

/** A hypervisor refused or failed a call. */
export class HypervisorError extends GridError {
  constructor(message: string, options: GridErrorOptions = {}, code = 'hypervisor-error') {
    super(code, message, options);
  }
}

/** The domain is not (any more) on this host. */
export class DomainNotFound extends HypervisorError {
  constructor(domain: string) {
    super(
      `domain ${domain} is not on this host`,
      { hint: 'list the host to see what runs there' },
      'domain-not-found',
    );
  }
}

/** A domain of this name runs already. */
export class DomainExists extends HypervisorError {
  constructor(domain: string) {
    super(
      `domain ${domain} exists already`,
      { hint: 'adopt it instead of starting it twice' },
      'domain-exists',
    );
  }
}

/** The driver or machine cannot do this; `capability` names what is lacking. */
export class CapabilityMissing extends HypervisorError {
  readonly capability: string;
  constructor(capability: string, message: string, hint?: string) {
    super(message, hint === undefined ? {} : { hint }, 'capability-missing');
    this.capability = capability;
  }
}

/** The hypervisor cannot be reached: not running, or no permission. */
export class HypervisorUnavailable extends HypervisorError {
  constructor(message: string, hint: string, cause?: unknown) {
    super(message, { hint, retryable: true, cause }, 'hypervisor-unavailable');
  }
}

/** The guest's agent did not answer in time, or the channel broke. */
export class GuestUnreachable extends HypervisorError {
  constructor(domain: string, message: string, cause?: unknown) {
    super(`guest ${domain}: ${message}`, { retryable: true, cause }, 'guest-unreachable');
  }
}
