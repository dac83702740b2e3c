/** Errors of the job API, beside those of the schema. */
import { GridError } from '../../runtime/mod.ts';

/** No job of this id was ever accepted here. */
export class NoSuchJob extends GridError {
  constructor(id: string) {
    super('no-such-job', `there is no job ${id}`, { field: 'id', hint: 'list jobs to see their ids' });
  }
}

/** The idempotency key was used before, for another request. */
export class IdempotencyKeyReused extends GridError {
  constructor(id: string) {
    super(
      'idempotency-key-reused',
      `the idempotency key belongs to job ${id}, which was submitted with another body`,
      {
        field: 'idempotencyKey',
        hint: 'send the very same body again, or use a new key',
      },
    );
  }
}
