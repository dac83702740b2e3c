/** Errors of writing and reading a secured configuration of NATS. */
import { GridError } from '../../../runtime/mod.ts';

/** A configuration was asked for that cannot be made. */
export class InvalidNatsSetup extends GridError {
  constructor(message: string, field: string, hint: string) {
    super('invalid-nats-setup', message, { field, hint });
  }
}

/** A file of an earlier run, or one that came from elsewhere, is not what it should be; nothing was changed. */
export class NatsFileUnusable extends GridError {
  constructor(path: string, reason: string, cause?: unknown) {
    super('nats-file-unusable', `${path} ${reason}`, {
      hint: 'restore it, or remove it and run shadowgrid nats-config again to have a new one',
      cause,
    });
  }
}

/** Certificates are made with openssl, which is not installed. */
export class OpensslMissing extends GridError {
  constructor(cause: unknown) {
    super('openssl-missing', 'openssl cannot be run', { hint: 'apt-get install openssl', cause });
  }
}
