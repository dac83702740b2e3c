/** Errors that cross processes: one base with a stable code, one subclass per failure, one wire form. */

/** The form in which an error crosses NATS and HTTP. */
export interface WireError {
  /** Stable, machine-readable: `invalid-field`, `mailbox-full`, ... */
  readonly code: string;
  /** One sentence for a person. */
  readonly message: string;
  /** Path of the offending field, when the caller sent something wrong: `resources.cores`. */
  readonly field?: string;
  /** What would be right, or what the caller can do. */
  readonly hint?: string;
  /** True when the same request may succeed later. */
  readonly retryable?: boolean;
}

export interface GridErrorOptions {
  readonly field?: string;
  readonly hint?: string;
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** Base of every error that shadowgrid throws on purpose. */
export class GridError extends Error {
  readonly code: string;
  readonly field: string | undefined;
  readonly hint: string | undefined;
  readonly retryable: boolean;

  constructor(code: string, message: string, options: GridErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.field = options.field;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
  }

  toWire(): WireError {
    return {
      code: this.code,
      message: this.message,
      ...(this.field !== undefined && { field: this.field }),
      ...(this.hint !== undefined && { hint: this.hint }),
      ...(this.retryable && { retryable: true }),
    };
  }
}

/** An error that another process sent us. Its `code` is the sender's. */
export class RemoteError extends GridError {
  constructor(wire: WireError) {
    super(wire.code, wire.message, wire);
  }
}

/** Any thrown value in wire form; what is not a GridError becomes `internal`, without its stack. */
export function toWireError(thrown: unknown): WireError {
  if (thrown instanceof GridError) return thrown.toWire();
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: 'internal', message };
}

/** Any thrown value as a GridError; what is none becomes `internal`. */
export function asGridError(thrown: unknown): GridError {
  return thrown instanceof GridError ? thrown : new GridError('internal', String(thrown), { cause: thrown });
}

/** Bytes or a value that is not what the receiver understands. `field` is the path of the first thing wrong. */
export class MalformedMessage extends GridError {
  constructor(message: string, options: GridErrorOptions = {}) {
    super('malformed-message', message, options);
  }
}

/** More bytes than the receiver or the transport takes. */
export class PayloadTooLarge extends GridError {
  constructor(bytes: number, limit: number) {
    super('payload-too-large', `payload of ${bytes} bytes is over the limit of ${limit} bytes`, {
      hint: `send at most ${limit} bytes`,
    });
  }
}

/** No answer before the caller's deadline. The request may or may not have been carried out. */
export class DeadlineExceeded extends GridError {
  constructor(what: string, deadlineMs: number) {
    super('deadline-exceeded', `${what}: no answer within ${deadlineMs} ms`, { retryable: true });
  }
}

/** The caller gave up (its AbortSignal fired), or its side was closed. */
export class Cancelled extends GridError {
  constructor(what: string, cause?: unknown) {
    super('cancelled', `${what}: cancelled`, { cause });
  }
}

/** An actor's mailbox holds as many messages as its definition allows; this one was not taken. */
export class MailboxFull extends GridError {
  constructor(address: string, bound: number) {
    super('mailbox-full', `mailbox of ${address} is full (${bound} messages)`, {
      hint: 'send again later, and slower',
      retryable: true,
    });
  }
}

/** No actor lives at this address, and the store has none either. */
export class NoSuchActor extends GridError {
  constructor(address: string) {
    super('no-such-actor', `no actor ${address}`);
  }
}

/** An actor was created at this address before. */
export class ActorExists extends GridError {
  constructor(address: string) {
    super('actor-exists', `actor ${address} exists already`, { hint: 'use a reference to it' });
  }
}

/** The actor stopped before it took this message. */
export class ActorStopped extends GridError {
  constructor(address: string, cause?: unknown) {
    super('actor-stopped', `actor ${address} has stopped`, { retryable: true, cause });
  }
}

/** The actor's machine, its effect or its reply threw; nothing of this message was stored unless the effect threw. */
export class ActorFailed extends GridError {
  constructor(address: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super('actor-failed', `actor ${address} failed: ${reason}`, { cause });
  }
}

/** This node does not own the actor's place (any more); the message was not handled. Sent again, it finds who does. */
export class NotOwner extends GridError {
  constructor(address: string) {
    super('not-owner', `${address} does not live on this node`, { retryable: true });
  }
}

/** The node could not renew its lease in time: its actors live on elsewhere. */
export class LeaseLost extends GridError {
  constructor(node: string, reason: string, cause?: unknown) {
    super('lease-lost', `node ${node} lost its lease: ${reason}`, { retryable: true, cause });
  }
}

/** Nobody registered this kind of actor here. */
export class UnknownKind extends GridError {
  constructor(kind: string) {
    super('unknown-kind', `no definition of kind ${kind} is registered`, { field: 'kind' });
  }
}

/** Someone else wrote this key since we read it. */
export class RevisionConflict extends GridError {
  constructor(key: string, expected: number) {
    super('revision-conflict', `${key} is no longer at revision ${expected}`, {
      hint: 'read it again',
    });
  }
}

/** The key to create exists. */
export class KeyExists extends GridError {
  constructor(key: string) {
    super('key-exists', `${key} exists already`);
  }
}

/** The store did not confirm a call; a write may or may not have been made. */
export class StoreUnavailable extends GridError {
  constructor(what: string, cause?: unknown) {
    const reason = cause instanceof Error ? `: ${cause.message}` : '';
    super('store-unavailable', `store: ${what}${reason}`, { retryable: true, cause });
  }
}

/** The server cannot be reached for the first connection. */
export class TransportUnreachable extends GridError {
  constructor(servers: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super('transport-unreachable', `cannot connect to NATS at ${servers}: ${reason}`, {
      hint: 'start nats-server, or check the address and credentials',
      retryable: true,
      cause,
    });
  }
}

/** The connection is lost and being restored; nothing was sent. */
export class TransportSuspended extends GridError {
  constructor(what: string) {
    super('transport-suspended', `${what}: the connection is lost and being restored`, { retryable: true });
  }
}

/** The transport was closed for good. */
export class TransportClosed extends GridError {
  constructor(what: string) {
    super('transport-closed', `${what}: the transport is closed`);
  }
}

/** The server does not let this user publish or subscribe there: nothing was delivered, or the subscription has ended. */
export class PermissionDenied extends GridError {
  readonly operation: 'publish' | 'subscribe';
  readonly subject: string;
  constructor(operation: 'publish' | 'subscribe', subject: string, cause?: unknown) {
    super('permission-denied', `NATS does not let this user ${operation} to ${subject}`, {
      hint: 'connect as a user whose role may; docs/nats.md has the roles',
      cause,
    });
    this.operation = operation;
    this.subject = subject;
  }
}

/** Nobody listens on this subject. */
export class NoResponders extends GridError {
  constructor(subject: string) {
    super('no-responders', `nobody serves ${subject}`, {
      hint: 'is the grid running and connected to the same NATS?',
      retryable: true,
    });
  }
}

/** Reached by a frame for a node that does not serve this subject (any more); nothing was done. Sent again by subject. */
export class Misdirected extends GridError {
  constructor(subject: string) {
    super('misdirected', `${subject} is not served by this node`, { retryable: true });
  }
}

/** A stream's consumer read slower than its producer sent; the stream was ended. */
export class StreamOverflow extends GridError {
  constructor(subject: string, bound: number) {
    super('stream-overflow', `stream of ${subject}: more than ${bound} items were waiting to be read`, {
      hint: 'read faster, or open it again',
      retryable: true,
    });
  }
}

/** A stored snapshot that this definition cannot restore. It stays in the store; the actor is not started. */
export class SnapshotIncompatible extends GridError {
  constructor(address: string, reason: string, cause?: unknown) {
    super('snapshot-incompatible', `snapshot of ${address} cannot be restored: ${reason}`, {
      hint: 'run the version that wrote it, or migrate it',
      cause,
    });
  }
}

/** A definition that the runtime cannot run as it stands. */
export class InvalidDefinition extends GridError {
  constructor(kind: string, field: string, hint: string) {
    super('invalid-definition', `definition ${kind}: ${field} is not right`, { field, hint });
  }
}

/** Options of a cluster that cannot be. */
export class InvalidCluster extends GridError {
  constructor(field: string, hint: string) {
    super('invalid-cluster', `cluster: ${field} is not right`, { field, hint });
  }
}

/** The worker ended (or broke) before it answered. */
export class WorkerExited extends GridError {
  constructor(name: string, cause?: unknown) {
    const reason = cause instanceof Error ? `: ${cause.message}` : '';
    super('worker-exited', `worker ${name} has exited${reason}`, { retryable: true, cause });
  }
}
