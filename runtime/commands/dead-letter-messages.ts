/** What is asked about dead letters and answered: schemas of requests, shapes of answers, subjects. */
import { z } from 'zod';
import type { WireError } from '../errors.ts';

export const LIST_SUBJECT = 'shadowgrid.deadletters.list';
export const REDRIVE_SUBJECT = 'shadowgrid.deadletters.redrive';

/** Letters of a page, and sequences of one redrive: so many fit into an answer, whatever they hold. */
export const MOST_LETTERS = 100;

const sequence = z.int().min(1);

export const listRequest = z.strictObject({
  kind: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/, 'a kind of actor, such as job')
    .optional(),
  /** Default 100. */
  limit: z.int().min(1).max(MOST_LETTERS).optional(),
  after: z.int().min(0).optional(),
});

export const redriveRequest = z.strictObject({ seqs: z.array(sequence).min(1).max(MOST_LETTERS) });

export type DeadLetterListRequest = z.infer<typeof listRequest>;

/** One line of a list of dead letters. */
export interface DeadLetterRow {
  readonly seq: number;
  readonly to: string;
  /** The sender's name for the command. */
  readonly id: string;
  /** Of the message; undefined where the command was no envelope. */
  readonly type?: string;
  readonly error: WireError;
  readonly attempts: number;
  /** When it was tried first and last, ms since the epoch. */
  readonly firstAt: number;
  readonly lastAt: number;
  /** The message's body as JSON, at most 2000 characters of it. */
  readonly payload: string;
  /** There is more of the payload. */
  readonly cut?: boolean;
}

export interface DeadLetterRows {
  readonly letters: readonly DeadLetterRow[];
  /** There is more: ask for what comes `after` it. */
  readonly next?: number;
}

export interface Redriven {
  readonly redriven: readonly number[];
  /** No letter has this sequence (any more). */
  readonly missing: readonly number[];
}
