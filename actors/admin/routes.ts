/** The admin API's routes with their schemas: what the OpenAPI document is made from. */
import { createRoute, z } from '@hono/zod-openapi';
import { operateQuery } from '../gateway/mod.ts';
import { JOB_STATES, jobRequestSchema } from '../job/mod.ts';

const error = z
  .object({
    code: z.string(),
    message: z.string(),
    field: z.string().optional(),
    hint: z.string().optional(),
    retryable: z.boolean().optional(),
  })
  .openapi('Error');

const job = z
  .looseObject({
    id: z.string(),
    state: z.enum(JOB_STATES),
    host: z.string().optional(),
    submittedAt: z.number(),
    startedAt: z.number().optional(),
    endedAt: z.number().optional(),
    exitCode: z.number().optional(),
    error: error.optional(),
  })
  .openapi('Job');

const amount = z.object({ cores: z.number(), memoryMiB: z.number() });
const host = z
  .object({
    name: z.string(),
    kind: z.enum(['libvirt', 'simulated']),
    version: z.string(),
    pool: z.string(),
    accepting: z.boolean(),
    capacity: amount,
    free: amount,
    domains: z.number(),
  })
  .openapi('Host');

const accepted = z.object({ id: z.string(), state: z.string(), existing: z.boolean() }).openapi('Accepted');
const output = z
  .object({ id: z.string(), offset: z.number(), text: z.string(), next: z.number(), complete: z.boolean() })
  .openapi('Output');

const operation = z
  .unknown()
  .openapi('Operation', z.toJSONSchema(operateQuery.omit({ jobId: true }), { io: 'input' }) as object);
const begun = z.object({ type: z.string(), id: z.string(), host: z.string() }).openapi('Begun');
const operations = z
  .object({ underWay: z.array(z.looseObject({})), reports: z.array(z.looseObject({})) })
  .openapi('Operations');

const json = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});
const failures = {
  400: json(error, 'the request is wrong; `field` names where'),
  404: json(error, 'no such job'),
  409: json(error, 'the idempotency key belongs to another request'),
  503: json(error, 'not now; try again'),
};
/** Documented as it is, but passed through unchecked. */
const submission = z
  .unknown()
  .openapi('Submission', z.toJSONSchema(jobRequestSchema, { io: 'input' }) as object);
const params = z.object({ id: z.string().openapi({ param: { name: 'id', in: 'path' } }) });

export const routes = {
  health: createRoute({
    method: 'get',
    path: '/healthz',
    responses: {
      200: json(z.looseObject({ ok: z.boolean() }), 'the grid serves'),
      503: json(z.looseObject({ ok: z.boolean() }), 'it does not, and why'),
    },
  }),
  listJobs: createRoute({
    method: 'get',
    path: '/api/jobs',
    request: {
      query: z.object({
        user: z.string().optional(),
        application: z.string().optional(),
        state: z.string().optional(),
        limit: z.string().optional(),
        after: z.string().optional(),
      }),
    },
    responses: { 200: json(z.object({ jobs: z.array(job) }), 'newest first'), ...failures },
  }),
  submit: createRoute({
    method: 'post',
    path: '/api/jobs',
    // The body is checked by the job API itself, so that both faces answer with the same errors.
    request: { body: { content: { 'application/json': { schema: submission } } } },
    responses: {
      202: json(z.union([accepted, z.object({ jobs: z.array(accepted) })]), 'stored'),
      ...failures,
    },
  }),
  job: createRoute({
    method: 'get',
    path: '/api/jobs/{id}',
    request: { params },
    responses: { 200: json(job, 'as it is now'), ...failures },
  }),
  cancel: createRoute({
    method: 'delete',
    path: '/api/jobs/{id}',
    request: { params },
    responses: { 200: json(job, 'cancelled, or ended before'), ...failures },
  }),
  output: createRoute({
    method: 'get',
    path: '/api/jobs/{id}/output',
    request: { params, query: z.object({ offset: z.string().optional(), maxBytes: z.string().optional() }) },
    responses: { 200: json(output, 'from `offset` on'), ...failures },
  }),
  shadow: createRoute({
    method: 'get',
    path: '/api/jobs/{id}/shadow',
    request: { params },
    responses: { 200: json(z.looseObject({ mode: z.string() }), 'what it did lately, and why'), ...failures },
  }),
  operate: createRoute({
    method: 'post',
    path: '/api/jobs/{id}/operations',
    // Checked by the VM API itself, as on NATS.
    request: { params, body: { content: { 'application/json': { schema: operation } } } },
    responses: { 202: json(begun, 'it has begun; a dry run: it would'), ...failures },
  }),
  jobOperations: createRoute({
    method: 'get',
    path: '/api/jobs/{id}/operations',
    request: { params },
    responses: { 200: json(operations, "on the job's VM"), ...failures },
  }),
  cancelOperation: createRoute({
    method: 'delete',
    path: '/api/jobs/{id}/operations/{operation}',
    request: {
      params: params.extend({
        operation: z.string().openapi({ param: { name: 'operation', in: 'path' } }),
      }),
    },
    responses: { 202: json(z.object({ id: z.string() }), 'its host has been told'), ...failures },
  }),
  checkpoints: createRoute({
    method: 'get',
    path: '/api/jobs/{id}/checkpoints',
    request: { params },
    responses: {
      200: json(z.object({ checkpoints: z.array(z.looseObject({ id: z.string() })) }), 'oldest first'),
      ...failures,
    },
  }),
  operations: createRoute({
    method: 'get',
    path: '/api/operations',
    responses: { 200: json(operations, 'on all hosts') },
  }),
  hosts: createRoute({
    method: 'get',
    path: '/api/hosts',
    responses: { 200: json(z.object({ hosts: z.array(host) }), 'hosts and their room') },
  }),
} as const;
