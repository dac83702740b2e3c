/** Messages a job actor understands, and what it tells of itself. */
import { z } from 'zod';
import type { WireError } from '../../runtime/mod.ts';
import type { JobRequest } from './request.ts';

const wireError = z.object({
  code: z.string(),
  message: z.string(),
  field: z.string().optional(),
  hint: z.string().optional(),
  retryable: z.boolean().optional(),
});
/** Milliseconds since the epoch, by the sender's clock. */
const at = z.number();

export const jobMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('describe') }),
  /** Every dependency has completed. */
  z.object({ type: z.literal('dependencies-met'), at }),
  /** A dependency failed or was cancelled: this job can never run. */
  z.object({ type: z.literal('dependency-failed'), jobId: z.string(), at }),
  /** The router found a host. */
  z.object({ type: z.literal('place'), host: z.string(), at }),
  /** The host has reserved what the job needs and starts its VM. */
  z.object({ type: z.literal('host-accepted'), at }),
  /** The host cannot take it (any more). */
  z.object({ type: z.literal('host-refused'), error: wireError, at }),
  /** The guest's agent answered and runs the command. */
  z.object({ type: z.literal('started'), bootMs: z.number(), at }),
  z.object({
    type: z.literal('exited'),
    exitCode: z.number().int(),
    signal: z.number().int(),
    outputBytes: z.number().int(),
    at,
  }),
  /** The VM could not run the job to its end: it never booted, its agent stopped answering, it was destroyed. */
  z.object({ type: z.literal('lost'), error: wireError, at }),
  /** Its VM was moved to another host, and runs on there. */
  z.object({ type: z.literal('moved'), host: z.string(), at }),
  z.object({ type: z.literal('cancel'), at }),
]);
export type JobMessage = z.infer<typeof jobMessage>;

export const JOB_STATES = [
  'accepted',
  'queued',
  'placing',
  'booting',
  'running',
  'completed',
  'failed',
  'cancelled',
] as const;
export type JobState = (typeof JOB_STATES)[number];

export const TERMINAL_STATES: readonly JobState[] = ['completed', 'failed', 'cancelled'];

/** What a job is created from. */
export interface JobInput {
  readonly id: string;
  readonly request: JobRequest;
  readonly dependencies: readonly string[];
  readonly requestHash: string;
  readonly submittedAt: number;
}

export interface JobContext extends JobInput {
  readonly host: string | undefined;
  /** Hosts that refused it since it was last queued, with why. */
  readonly refusals: readonly { readonly host: string; readonly error: WireError }[];
  readonly placedAt: number | undefined;
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  readonly bootMs: number | undefined;
  readonly exitCode: number | undefined;
  readonly signal: number | undefined;
  readonly outputBytes: number;
  readonly error: WireError | undefined;
}

/** A job as its users see it. Times in ms since the epoch. */
export interface JobView {
  readonly id: string;
  readonly state: JobState;
  readonly request: JobRequest;
  readonly requestHash: string;
  readonly dependencies: readonly string[];
  readonly host?: string;
  readonly submittedAt: number;
  readonly placedAt?: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly bootMs?: number;
  readonly exitCode?: number;
  readonly signal?: number;
  readonly outputBytes: number;
  /** Why it failed, or why it still waits. */
  readonly error?: WireError;
}

/** What a job asks of the others once its own new state is stored. Each is idempotent: a restart repeats it. */
export type JobEffect =
  | { readonly type: 'await-dependencies' }
  | { readonly type: 'enqueue' }
  /** Ask the host to start the VM, or to adopt it, and to run the command. */
  | { readonly type: 'ensure-running'; readonly host: string }
  /** The job runs: give it a shadow, if it has none yet. */
  | { readonly type: 'cast-shadow'; readonly host: string }
  | { readonly type: 'release'; readonly host: string }
  | { readonly type: 'finished'; readonly state: JobState };
