/** Looks at the dead letters of a grid, and redrives them, from anywhere that reaches its NATS. */
import type { Mux } from '../transport/mod.ts';
import {
  type DeadLetterListRequest,
  type DeadLetterRow,
  type DeadLetterRows,
  LIST_SUBJECT,
  MOST_LETTERS,
  REDRIVE_SUBJECT,
  type Redriven,
} from './dead-letter-messages.ts';

const DEADLINE_MS = 30_000;

/** Every call rejects with the node's own typed error as `RemoteError`, or with what the mux throws. */
export class DeadLetterClient {
  readonly #mux: Mux;

  constructor(mux: Mux) {
    this.#mux = mux;
  }

  /** Oldest first, at most 100 at a time. */
  async page(query: DeadLetterListRequest = {}): Promise<DeadLetterRows> {
    return (await this.#mux.request(LIST_SUBJECT, query, { deadlineMs: DEADLINE_MS })) as DeadLetterRows;
  }

  /** Every one of them, as of now. */
  async all(kind?: string): Promise<DeadLetterRow[]> {
    const found: DeadLetterRow[] = [];
    for (let after = 0; ; ) {
      const { letters, next } = await this.page({ ...(kind !== undefined && { kind }), after });
      found.push(...letters);
      if (next === undefined) return found;
      after = next;
    }
  }

  /** At least once: if it rejects, some may have been redriven, and doing it again does no harm. */
  async redrive(seqs: readonly number[]): Promise<Redriven> {
    const redriven: number[] = [];
    const missing: number[] = [];
    for (let from = 0; from < seqs.length; from += MOST_LETTERS) {
      const body = { seqs: seqs.slice(from, from + MOST_LETTERS) };
      const answer = (await this.#mux.request(REDRIVE_SUBJECT, body, {
        deadlineMs: DEADLINE_MS,
      })) as Redriven;
      redriven.push(...answer.redriven);
      missing.push(...answer.missing);
    }
    return { redriven, missing };
  }
}
