/** What a user may submit: the schema of a job request, and its errors as typed, field-naming GridErrors. */
import { z } from 'zod';
import { GridError } from '../../runtime/mod.ts';

/** A request, or a field of it, is not what the schema says. */
export class InvalidRequest extends GridError {
  constructor(message: string, field: string, hint?: string) {
    super('invalid-request', message, hint === undefined ? { field } : { field, hint });
  }
}

const token = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
  error: '1 to 64 letters, digits, ".", "_" or "-", starting with a letter or digit',
});
const jobReference = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
  error: 'the id of a job that was accepted, or the name of another job of the same batch',
});

/** How much a job starts with, and how far its shadow may go. CPU in cores, memory in MiB. */
const resources = z
  .strictObject({
    /** Cores it starts with (fractional). */
    cores: z.number().min(0.05).max(512).default(0.5),
    /** Memory it starts with, MiB: what the guest has in all, its kernel included. */
    memoryMiB: z.number().int().min(96).max(4_194_304).default(128),
    /** The most cores its shadow may give it; its request if left out. */
    maxCores: z.number().min(0.05).max(512).optional(),
    /** The most memory its shadow may give it, MiB; its request if left out. */
    maxMemoryMiB: z.number().int().min(96).max(4_194_304).optional(),
  })
  .check((context) => {
    const { cores, maxCores, memoryMiB, maxMemoryMiB } = context.value;
    const tooSmall = (path: string, least: number) =>
      context.issues.push({
        code: 'custom',
        input: context.value,
        path: [path],
        message: `at least what the job starts with: ${least}`,
      });
    if (maxCores !== undefined && maxCores < cores) tooSmall('maxCores', cores);
    if (maxMemoryMiB !== undefined && maxMemoryMiB < memoryMiB) tooSmall('maxMemoryMiB', memoryMiB);
  })
  .transform((r) => ({ ...r, maxCores: r.maxCores ?? r.cores, maxMemoryMiB: r.maxMemoryMiB ?? r.memoryMiB }));

/** How a shadow decides about its job's resources. */
const shadow = z.strictObject({
  /** `forecast` acts ahead of demand; `reactive` raises when use passes 80 %; `fixed` never changes anything. */
  policy: z.enum(['forecast', 'reactive', 'fixed']).default('forecast'),
  /** Quantile of forecast demand that is provided for: the higher, the fewer shortfalls and the more slack. */
  confidence: z.number().min(0.5).max(0.99).default(0.95),
  /** Only say what would be done. */
  dryRun: z.boolean().default(false),
});

/** One job as submitted; defaults filled in by parsing. */
export const jobRequestSchema = z
  .strictObject({
    /** Name of the application: jobs of one application behave alike. */
    application: token,
    user: token,
    /** Name by which other jobs of the same batch may depend on it. */
    name: token.optional(),
    /** Shell command line; exactly one of `command` and `script`. */
    command: z.string().min(1).max(65_536).optional(),
    /** Shell script of many lines. */
    script: z.string().min(1).max(65_536).optional(),
    image: token.default('tiny'),
    resources: resources.prefault({}),
    pool: token.default('general-purpose'),
    /** 0 (last) to 100 (first). */
    priority: z.number().int().min(0).max(100).default(50),
    criticality: z.enum(['low', 'normal', 'high']).default('normal'),
    /** The user's own estimate, seconds. */
    estimatedSeconds: z.number().positive().max(31_536_000).optional(),
    /** The job fails when it runs longer, seconds. */
    deadlineSeconds: z.number().positive().max(31_536_000).optional(),
    dependencies: z.array(jobReference).max(256).default([]),
    /** The same key with the same body returns the same job. */
    idempotencyKey: z
      .string()
      .regex(/^[\x21-\x7e]{1,128}$/, { error: '1 to 128 printable characters without spaces' })
      .optional(),
    shadow: shadow.prefault({}),
  })
  .check((context) => {
    const { command, script } = context.value;
    if ((command === undefined) === (script === undefined)) {
      context.issues.push({
        code: 'custom',
        input: context.value,
        path: ['command'],
        message: 'give exactly one of command and script',
      });
    }
  });

export type JobRequest = z.output<typeof jobRequestSchema>;
export type JobRequestInput = z.input<typeof jobRequestSchema>;

/** A submission: one job, or a batch whose jobs may depend on each other by name. */
export function parseSubmission(body: unknown): JobRequest[] {
  if (isRecord(body) && 'jobs' in body) {
    const batch = parse(z.strictObject({ jobs: z.array(z.unknown()).min(1).max(256) }), body);
    return batch.jobs.map((job, index) => parse(jobRequestSchema, job, `jobs.${index}`));
  }
  return [parse(jobRequestSchema, body)];
}

/** Parses `value`, or throws {@link InvalidRequest} naming the first wrong field and what would be right. */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, at = ''): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue === undefined) throw new InvalidRequest('the request is malformed', at);
  if (issue.code === 'unrecognized_keys') {
    const field = join(at, [...issue.path, issue.keys[0] ?? '']);
    throw new InvalidRequest(
      `${field} is not a known field`,
      field,
      `remove it${issue.path.length === 0 ? knownFields(schema) : ''}`,
    );
  }
  const field = join(at, issue.path);
  throw new InvalidRequest(`${field || 'the request'} is wrong: ${issue.message}`, field, issue.message);
}

function knownFields(schema: z.ZodType): string {
  return schema instanceof z.ZodObject ? `; known are ${Object.keys(schema.shape).join(', ')}` : '';
}

function join(at: string, path: readonly PropertyKey[]): string {
  return [at, ...path.map(String)].filter((part) => part !== '').join('.');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
