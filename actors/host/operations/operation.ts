/** Operations on the VM of a job: what can be asked for, how it goes, how it ended. */
import { z } from 'zod';
import type { WireError } from '../../../runtime/mod.ts';
import type {
  Allocation,
  Checkpoint,
  CheckpointProgress,
  DomainStatus,
  MigrationProgress,
  MigrationReport,
  MigrationTarget,
  WarmCapacity,
} from '../port/mod.ts';

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and hyphens');
const limit = z.number().nonnegative().optional();

export const taskSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('checkpoint'),
    checkpoint: name.optional(),
    keep: z.int().min(1).max(1000).optional(),
  }),
  z.strictObject({ kind: z.literal('verify-checkpoint'), checkpoint: name }),
  z.strictObject({ kind: z.literal('remove-checkpoint'), checkpoint: name }),
  z.strictObject({ kind: z.literal('roll-back'), checkpoint: name }),
  z.strictObject({ kind: z.literal('warm'), vcpus: z.int().positive(), memoryMiB: z.number().positive() }),
  z.strictObject({ kind: z.literal('activate') }),
  z.strictObject({ kind: z.literal('cool') }),
  z.strictObject({
    kind: z.literal('limit-disk'),
    /** Its name in the guest, `vda`. MB/s and operations a second; 0: no limit. */
    disk: z.string().regex(/^vd[a-z]$/, 'vda to vdz'),
    readMBps: limit,
    writeMBps: limit,
    readIops: limit,
    writeIops: limit,
  }),
  /** Mbit/s, seen from the guest; 0: no limit. */
  z.strictObject({ kind: z.literal('limit-network'), inboundMbps: limit, outboundMbps: limit }),
  z.strictObject({
    kind: z.literal('migrate'),
    /** Name of the host. */
    to: z.string(),
    downtimeMs: z.number().positive().optional(),
    postCopy: z.boolean().optional(),
    cold: z.enum(['never', 'fallback', 'only']).optional(),
  }),
]);
export type Task = z.infer<typeof taskSchema>;
export type TaskOf<K extends Task['kind']> = Extract<Task, { kind: K }>;

export const operationSchema = z.strictObject({
  /** Chosen by who asks; asking for it again is no second operation. */
  id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, '1 to 64 letters, digits, - and _'),
  jobId: z.string(),
  /** For people: who wants it, and for what. */
  why: z.string().min(1).max(500),
  /** All of it, ms. */
  deadlineMs: z.number().positive().max(3_600_000).optional(),
  task: taskSchema,
});
export type Operation = z.infer<typeof operationSchema>;

/** One that is under way. */
export interface OperationUnderWay {
  readonly operation: Operation;
  readonly domain: string;
}

/** What came of a task, by its kind. */
export type TaskResult =
  | { readonly checkpoint: Checkpoint }
  | { readonly status: DomainStatus }
  | { readonly warm: WarmCapacity }
  | { readonly allocation: Allocation }
  | { readonly migration: MigrationReport }
  | Record<string, never>;

export interface OperationReport {
  readonly operation: Operation;
  readonly domain: string;
  /** `interrupted`: its host agent died meanwhile; it was undone. A migration that came back is `failed`. */
  readonly outcome: 'done' | 'failed' | 'cancelled' | 'interrupted';
  readonly result?: TaskResult;
  readonly error?: WireError;
  readonly tookMs: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface OperationProgress {
  readonly id: string;
  readonly jobId: string;
  readonly progress: CheckpointProgress | MigrationProgress;
}

/** What of an operation is kept until it is over, so that whoever restarts the host agent can finish or undo it. */
export interface JournalEntry extends OperationUnderWay {
  /** Begun at, ms since the epoch. */
  readonly at: number;
  /** Of a migration. */
  readonly target?: MigrationTarget;
}
