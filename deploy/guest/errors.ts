/** Errors of making the guest image. */
import { GridError } from '../../runtime/mod.ts';

/** The guest image could not be made. */
export class GuestBuildFailed extends GridError {
  constructor(step: string, cause?: unknown) {
    const why = cause instanceof Error ? `: ${cause.message}` : '';
    super('guest-build-failed', `the guest image could not be made, ${step} failed${why}`, {
      hint: cause instanceof GridError && cause.hint !== undefined ? cause.hint : 'run `shadowgrid doctor`',
      cause,
    });
  }
}
