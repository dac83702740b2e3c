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

/** Another host agent drives this hypervisor. */
export class HostTaken extends HypervisorError {
  constructor(folder: string, holder: string) {
    super(
      `the libvirt of ${folder} is driven by the host agent with pid ${holder || 'unknown'}`,
      { hint: 'stop that one first', retryable: true },
      'host-taken',
    );
  }
}

/** The guest's agent did not answer in time, or the channel broke. */
export class GuestUnreachable extends HypervisorError {
  constructor(domain: string, message: string, cause?: unknown) {
    super(`guest ${domain}: ${message}`, { retryable: true, cause }, 'guest-unreachable');
  }
}

/** There is not enough room on the host's disk for what a call would write. */
export class NoSpace extends HypervisorError {
  constructor(folder: string, neededMiB: number, freeMiB: number) {
    super(
      `${folder} has ${Math.floor(freeMiB)} MiB free, ${Math.ceil(neededMiB)} MiB are needed`,
      { hint: 'remove checkpoints, or make room on that disk', retryable: true },
      'no-space',
    );
  }
}

/** No checkpoint was made; the domain runs on as before. */
export class CheckpointFailed extends HypervisorError {
  constructor(domain: string, why: string, cause?: unknown) {
    super(`no checkpoint of ${domain}: ${why}`, { retryable: true, cause }, 'checkpoint-failed');
  }
}

export class CheckpointNotFound extends HypervisorError {
  constructor(domain: string, id: string) {
    super(
      `domain ${domain} has no checkpoint ${id}`,
      { field: 'id', hint: 'list them' },
      'checkpoint-not-found',
    );
  }
}

/** The checkpoint cannot be restored: its files are gone, cut short or changed. */
export class CheckpointDamaged extends HypervisorError {
  constructor(domain: string, id: string, why: string) {
    super(
      `checkpoint ${id} of ${domain} cannot be restored: ${why}`,
      { hint: 'roll back to another one' },
      'checkpoint-damaged',
    );
  }
}

/** The domain was not rolled back; it is as it was before, if it ran. */
export class RollbackFailed extends HypervisorError {
  constructor(domain: string, id: string, why: string, cause?: unknown) {
    const message = `${domain} was not rolled back to ${id}: ${why}`;
    super(message, { retryable: true, cause }, 'rollback-failed');
  }
}

/** The domain was ended to be rolled back, and neither state could be started. */
export class RollbackLost extends HypervisorError {
  constructor(domain: string, id: string, why: string, cause?: unknown) {
    super(
      `${domain} was lost while it was rolled back to ${id}: ${why}`,
      { hint: 'roll back once more: the checkpoint is still there', cause },
      'rollback-lost',
    );
  }
}

/** Nothing was begun: the domain runs where it did. */
export class MigrationRefused extends HypervisorError {
  constructor(domain: string, why: string, options: GridErrorOptions = {}) {
    super(`${domain} cannot be migrated: ${why}`, options, 'migration-refused');
  }
}

/** Neither side runs the domain any more. */
export class MigrationLost extends HypervisorError {
  constructor(domain: string, why: string, cause?: unknown) {
    super(
      `${domain} was lost in migration: ${why}`,
      { hint: 'roll back to a checkpoint', cause },
      'migration-lost',
    );
  }
}
