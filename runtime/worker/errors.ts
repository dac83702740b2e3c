/** Errors of workers: what a sandbox refuses, told by either runtime in words of its own. */
import { GridError, toWireError, type WireError } from '../errors.ts';

/** The worker tried what its permissions do not let it do. */
export class SandboxDenied extends GridError {
  constructor(cause: Error) {
    super('sandbox-denied', `the worker's permissions do not allow this: ${cause.message}`, {
      field: 'permissions',
      hint: 'do without it, or grant it in `permissions` where the worker is started',
      cause,
    });
  }
}

/** What a call threw, in wire form; a refusal of the sandbox is found behind other errors too. */
export function toWorkerError(thrown: unknown): WireError {
  const denial = denialIn(thrown);
  return toWireError(denial === undefined ? thrown : new SandboxDenied(denial));
}

function denialIn(thrown: unknown): Error | undefined {
  let error = thrown;
  // Causes may be circular; nobody nests them this deep.
  for (let depth = 0; depth < 10 && error instanceof Error; depth++) {
    if (error.name === 'NotCapable') return error;
    if ('code' in error && error.code === 'ERR_ACCESS_DENIED') return error;
    error = error.cause;
  }
  return undefined;
}
