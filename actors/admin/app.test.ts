/** The admin API: routes, statuses, errors in the same form as on NATS, and a document that holds together. */
import { describe, expect, test } from 'vitest';
import { GridError, StoreUnavailable } from '../../runtime/mod.ts';
import type { JobApi, VmApi } from '../gateway/mod.ts';
import { InvalidRequest, parseSubmission } from '../job/mod.ts';
import { createAdminApp } from './mod.ts';

const calls: unknown[] = [];
const noted =
  <T>(name: string, answer: T) =>
  (query: unknown): T => {
    calls.push([name, query]);
    return answer;
  };

const vms = {
  operate: async function* (body: object) {
    calls.push(['operate', body]);
    yield { type: 'begun', id: 'o-1', host: 'h' };
    throw new Error('nobody waits for more');
  },
  cancel: async (query: unknown) => noted('cancel operation', undefined)(query),
  checkpoints: async (query: unknown) => noted('checkpoints', [{ id: 'c1' }])(query),
  list: async (query: unknown) => noted('operations', { underWay: [], reports: [] })(query),
};

function app(more: object = {}, ok = true) {
  calls.length = 0;
  const api = {
    submit: async (body: unknown) => {
      parseSubmission(body);
      return { id: 'j-1', state: 'accepted', existing: false };
    },
    status: async (query: { id: string }) => ({ id: query.id, state: 'running' }),
    list: noted('list', { jobs: [] }),
    cancel: noted('cancel', { id: 'j-1', state: 'cancelled' }),
    output: noted('output', { id: 'j-1', offset: 0, text: '<b>', next: 3, complete: false }),
    ...more,
  };
  return createAdminApp({
    api: api as unknown as JobApi,
    vms: vms as unknown as VmApi,
    hosts: () => [],
    explain: async (id) => ({ mode: 'model', id }),
    health: async () => ({ ok, nats: 'connected' }),
    metrics: async () => 'shadowgrid_jobs 1\n',
  });
}
const failing = (error: unknown) =>
  app({
    status: async () => {
      throw error;
    },
  });
const post = (body: string, type = 'application/json', more: object = {}) =>
  app(more).request('/api/jobs', { method: 'POST', body, headers: { 'content-type': type } });
const job = { application: 'a', user: 'u', command: 'true' };

describe('routes', () => {
  test.each([
    ['GET', '/healthz', 200, { ok: true, nats: 'connected' }],
    ['GET', '/api/jobs/j-7', 200, { id: 'j-7', state: 'running' }],
    ['DELETE', '/api/jobs/j-1', 200, { state: 'cancelled' }],
    ['GET', '/api/jobs/j-1/output', 200, { text: '<b>' }],
    ['GET', '/api/jobs/j-1/shadow', 200, { mode: 'model', id: 'j-1' }],
    ['GET', '/api/jobs/j-1/checkpoints', 200, { checkpoints: [{ id: 'c1' }] }],
    ['GET', '/api/jobs/j-1/operations', 200, { underWay: [], reports: [] }],
    ['DELETE', '/api/jobs/j-1/operations/o-1', 202, { id: 'o-1' }],
    ['GET', '/api/operations', 200, { underWay: [], reports: [] }],
    ['GET', '/api/hosts', 200, { hosts: [] }],
    ['GET', '/nowhere', 404, { code: 'no-such-page' }],
  ])('%s %s', async (method, path, status, body) => {
    const response = await app().request(path, { method });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toContain('application/json');
    expect(await response.json()).toMatchObject(body);
  });

  test('what is not well says so to whoever only reads the status', async () => {
    expect((await app({}, false).request('/healthz')).status).toBe(503);
  });

  test('a submission is accepted, not done', async () => {
    const response = await post(JSON.stringify(job));
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({ id: 'j-1', state: 'accepted', existing: false });
  });

  test('queries reach the job API as numbers where they are numbers', async () => {
    const admin = app();
    await admin.request('/api/jobs?user=ada&state=queued&limit=5&after=j-1');
    await admin.request('/api/jobs/j-1/output?offset=3&maxBytes=9');
    expect(calls).toEqual([
      ['list', { user: 'ada', state: 'queued', limit: 5, after: 'j-1' }],
      ['output', { id: 'j-1', offset: 3, maxBytes: 9 }],
    ]);
  });

  test('metrics are text', async () => {
    expect(await (await app().request('/metrics')).text()).toContain('shadowgrid_jobs 1');
  });
});

describe('errors', () => {
  test.each([
    [new InvalidRequest('wrong', 'priority', 'less'), 400],
    [new GridError('no-such-job', 'none'), 404],
    [new GridError('no-such-actor', 'none'), 404],
    [new GridError('idempotency-key-reused', 'other'), 409],
    [new StoreUnavailable('get'), 503],
    [new Error('a mistake of ours'), 500],
  ])('%s is %i', async (error, status) => {
    const response = await failing(error).request('/api/jobs/j-1');
    expect(response.status).toBe(status);
    const body = (await response.json()) as { code: string; message: string };
    expect(body.message).toBe(error.message);
    expect(body.code).toBe(error instanceof GridError ? error.code : 'internal');
    expect(JSON.stringify(body)).not.toContain('at ');
  });

  test('name the field, as on NATS', async () => {
    const response = await post(JSON.stringify({ ...job, priority: 'high' }));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'invalid-request', field: 'priority' });
  });

  test.each(['{"application":', '', 'null x'])('%j is not JSON', async (body) => {
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'invalid-request', hint: 'send one JSON object' });
  });

  test('another type than JSON is refused: a page of elsewhere cannot submit a form', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
      const response = await post(JSON.stringify(job), type);
      expect(response.status).toBe(415);
      expect(await response.json()).toMatchObject({ code: 'unsupported-media-type', field: 'content-type' });
    }
  });

  test('a number that is none names its parameter', async () => {
    const response = await app().request('/api/jobs?limit=many');
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'invalid-request', field: 'limit' });
  });

  test('a body over the limit is refused, with or without its length told', async () => {
    const large = JSON.stringify({ ...job, script: 'x'.repeat(1_100_000) });
    const length = { 'content-type': 'application/json', 'content-length': String(large.length) };
    for (const headers of [length, { 'content-type': 'application/json' }]) {
      const response = await app().request('/api/jobs', { method: 'POST', body: large, headers });
      expect(response.status).toBe(413);
      expect(await response.json()).toMatchObject({ code: 'payload-too-large', hint: expect.any(String) });
    }
  });

  test('what a caller sent comes back as data, never as markup', async () => {
    const response = await app().request('/%3Cscript%3Ealert(1)%3C/script%3E"');
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toContain('application/json');
    expect(((await response.json()) as { code: string }).code).toBe('no-such-page');
  });
});

test('the OpenAPI document holds together', async () => {
  type Operation = { responses: object; parameters?: { name: string; in: string; required?: boolean }[] };
  const document = (await (await app().request('/openapi.json')).json()) as {
    openapi: string;
    paths: Record<string, Record<string, Operation>>;
    components: { schemas: Record<string, { properties?: object }> };
  };
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths).sort()).toEqual([
    '/api/hosts',
    '/api/jobs',
    '/api/jobs/{id}',
    '/api/jobs/{id}/checkpoints',
    '/api/jobs/{id}/operations',
    '/api/jobs/{id}/operations/{operation}',
    '/api/jobs/{id}/output',
    '/api/jobs/{id}/shadow',
    '/api/operations',
    '/healthz',
  ]);
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const operation of Object.values(operations)) {
      expect(Object.keys(operation.responses).length).toBeGreaterThan(0);
      const named = (operation.parameters ?? []).filter((each) => each.in === 'path');
      expect(named.map((each) => `{${each.name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      expect(named.every((each) => each.required)).toBe(true);
    }
  }
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
  expect(references.length).toBeGreaterThan(0);
  for (const [, name] of references) expect(document.components.schemas).toHaveProperty(name!);
  expect(document.components.schemas.Submission?.properties).toHaveProperty('idempotencyKey');
});

test('begins an operation on the VM of the job in the path, and does not wait for its end', async () => {
  const body = JSON.stringify({ task: { kind: 'checkpoint' }, why: 'a test', jobId: 'another' });
  const headers = { 'content-type': 'application/json' };
  const response = await app().request('/api/jobs/j-1/operations', { method: 'POST', body, headers });
  expect(response.status).toBe(202);
  expect(await response.json()).toEqual({ type: 'begun', id: 'o-1', host: 'h' });
  expect(calls).toEqual([['operate', { jobId: 'j-1', task: { kind: 'checkpoint' }, why: 'a test' }]]);
});
