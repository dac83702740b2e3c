/** The admin API as a Hono application: jobs, their VMs, hosts, health, metrics, and its own OpenAPI document. */
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import { GridError, PayloadTooLarge, toWireError } from '../../runtime/mod.ts';
import type { JobApi, VmApi } from '../gateway/mod.ts';
import type { HostView } from '../host/mod.ts';
import { InvalidRequest } from '../job/mod.ts';
import { routes } from './routes.ts';

export interface AdminOptions {
  readonly api: JobApi;
  readonly vms: VmApi;
  readonly hosts: () => readonly HostView[];
  /** What a shadow did lately, and why. */
  readonly explain: (jobId: string) => Promise<object>;
  readonly health: () => Promise<{ readonly ok: boolean } & Record<string, unknown>>;
  /** Prometheus text. */
  readonly metrics: () => Promise<string>;
}

/** In which a host says whether it begins an operation, ms. */
const BEGIN_MS = 10_000;
/** Largest request body, bytes: as on NATS. */
const MOST_BYTES = 1_048_576;

export function createAdminApp(options: AdminOptions): OpenAPIHono {
  const { api, vms, hosts } = options;
  const app = new OpenAPIHono();
  const limit = bodyLimit({
    maxSize: MOST_BYTES,
    onError: (c) =>
      c.json(
        new PayloadTooLarge(Number(c.req.header('content-length') ?? MOST_BYTES + 1), MOST_BYTES).toWire(),
        413,
      ),
  });
  app.use('/api/*', limit);
  app.onError((thrown, c) => {
    const error = thrown instanceof HTTPException ? typed(thrown) : thrown;
    return c.json(toWireError(error), statusOf(error));
  });
  app.notFound((c) =>
    c.json({ code: 'no-such-page', message: `there is no ${c.req.path}`, hint: 'see /openapi.json' }, 404),
  );
  app.openapi(routes.health, async (c) => {
    const health = await options.health();
    return c.json(health, health.ok ? 200 : 503);
  });
  app.openapi(routes.listJobs, (c) => {
    const { limit: most, ...filter } = c.req.query();
    return reply(c, api.list({ ...filter, ...(most !== undefined && { limit: numberOf(most, 'limit') }) }));
  });
  app.openapi(routes.submit, async (c) => reply(c, await api.submit(await jsonBody(c)), 202));
  app.openapi(routes.job, async (c) => reply(c, await api.status({ id: c.req.param('id') })));
  app.openapi(routes.cancel, async (c) => reply(c, await api.cancel({ id: c.req.param('id') })));
  app.openapi(routes.output, async (c) => {
    const { offset, maxBytes } = c.req.query();
    const query = {
      id: c.req.param('id'),
      ...(offset !== undefined && { offset: numberOf(offset, 'offset') }),
      ...(maxBytes !== undefined && { maxBytes: numberOf(maxBytes, 'maxBytes') }),
    };
    return reply(c, await api.output(query));
  });
  app.openapi(routes.shadow, async (c) => {
    const { id } = await api.status({ id: c.req.param('id') });
    return reply(c, await options.explain(id));
  });
  app.openapi(routes.operate, async (c) => {
    const body = (await jsonBody(c)) as object;
    return reply(c, await begun(vms, { ...body, jobId: c.req.param('id') }), 202);
  });
  app.openapi(routes.jobOperations, async (c) => reply(c, await vms.list({ jobId: c.req.param('id') })));
  app.openapi(routes.cancelOperation, async (c) => {
    const { id: jobId, operation: id } = c.req.param();
    await vms.cancel({ jobId, id });
    return reply(c, { id }, 202);
  });
  app.openapi(routes.checkpoints, async (c) =>
    reply(c, { checkpoints: await vms.checkpoints({ jobId: c.req.param('id') }) }),
  );
  app.openapi(routes.operations, async (c) => reply(c, await vms.list({})));
  app.openapi(routes.hosts, (c) => reply(c, { hosts: hosts() }));
  app.get('/metrics', async (c) => c.text(await options.metrics()));
  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: { title: 'shadowgrid admin API', version: '1', license: { name: 'Apache-2.0' } },
  });
  return app;
}

/** The operation goes on; who wants to know how asks again. */
async function begun(vms: VmApi, body: object): Promise<object> {
  for await (const event of vms.operate(body, AbortSignal.timeout(BEGIN_MS))) return event;
  throw new GridError('operation-unknown', 'the operation said nothing of itself', { retryable: true });
}

/** Answers are typed by the job API; the route's schema only documents them. */
function reply(c: Context, body: object, status: 200 | 202 = 200) {
  return c.json(body, status) as never;
}

async function jsonBody(c: Context): Promise<unknown> {
  const text = await c.req.text();
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : '';
    throw new InvalidRequest(`the body is not JSON: ${reason}`, '', 'send one JSON object');
  }
}

/** What the framework refuses before a route sees it. */
function typed({ status, message }: HTTPException): Error {
  if (status === 415) {
    return new GridError('unsupported-media-type', 'the body has another type than JSON', {
      field: 'content-type',
      hint: 'send it as application/json',
    });
  }
  return new InvalidRequest(`the body is not JSON: ${message}`, '', 'send one JSON object');
}

function numberOf(text: string, field: string): number {
  const value = Number(text);
  if (!Number.isFinite(value))
    throw new InvalidRequest(`${field} is wrong: ${text}`, field, 'a whole number');
  return value;
}

/** HTTP's word for an error's code; what nobody foresaw is 500. */
function statusOf(error: unknown): 400 | 404 | 409 | 413 | 415 | 500 | 503 {
  if (!(error instanceof GridError)) return 500;
  if (error.code === 'no-such-job' || error.code === 'no-such-actor') return 404;
  if (error.code === 'domain-not-found') return 404;
  if (error.code === 'idempotency-key-reused') return 409;
  if (error.code === 'payload-too-large') return 413;
  if (error.code === 'unsupported-media-type') return 415;
  return error.retryable ? 503 : 400;
}
