/** What the job API takes and what it refuses, with which words; the same submission twice is one job. */
import { describe, expect } from 'vitest';
import { decode, encode } from '../../runtime/mod.ts';
import { JOB_API, job, test } from './memory-grid.ts';

describe('errors name the field and what would be right', () => {
  test.for<[object, string]>([
    [{ application: 'a', user: 'b' }, 'command'],
    [job('x', { script: 'y' }), 'command'],
    [{ ...job('x'), colour: 'red' }, 'colour'],
    [{ ...job('x'), priority: 'high' }, 'priority'],
    [{ ...job('x'), resources: { cores: 1, gpus: 2 } }, 'resources.gpus'],
    [job('x', { image: 'huge' }), 'image'],
    [job('x', { pool: 'elsewhere' }), 'pool'],
    [job('x', { resources: { cores: 3 } }), 'resources.cores'],
    [job('x', { resources: { maxMemoryMiB: 4096 } }), 'resources.maxMemoryMiB'],
    [job('x', { dependencies: ['j-0000000000000000'] }), 'dependencies.0'],
    [{ jobs: [job('x'), { ...job('y'), priority: 101 }] }, 'jobs.1.priority'],
    [{ jobs: [job('x', { dependencies: ['nobody'] })] }, 'jobs.0.dependencies.0'],
    [{ jobs: [] }, 'jobs'],
  ])('%j', async ([body, field], { untouched: { client, mux } }) => {
    const error = await mux.request(JOB_API.submit, body).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'invalid-request', field, hint: expect.stringMatching(/.+/) });
    expect(await client.list()).toEqual([]);
  });

  test('a cycle of dependencies is refused whole', async ({ untouched: { client } }) => {
    const cycle = client.submitBatch([
      job('true', { name: 'a', dependencies: ['b'] }),
      job('true', { name: 'b', dependencies: ['a'] }),
    ]);
    await expect(cycle).rejects.toMatchObject({ code: 'invalid-request', field: 'jobs.0.dependencies' });
    expect(await client.list()).toEqual([]);
  });

  test.for([JOB_API.status, JOB_API.cancel, JOB_API.output])(
    '%s of an unknown job',
    async (subject, { untouched: { mux } }) => {
      const id = 'j-0123456789';
      await expect(mux.request(subject, { id })).rejects.toMatchObject({ code: 'no-such-job', field: 'id' });
      await expect(mux.request(subject, { id: '../etc' })).rejects.toMatchObject({ field: 'id' });
      await expect(mux.request(subject, { id, extra: 1 })).rejects.toMatchObject({ field: 'extra' });
    },
  );

  test('bytes that are neither MessagePack nor JSON', async ({ untouched: { raw, askJson } }) => {
    const malformed = { ok: false, error: { code: 'malformed-message', hint: expect.any(String) } };
    expect(decode(await raw(JOB_API.submit, new Uint8Array([0xc1, 0xff])))).toMatchObject(malformed);
    expect(decode(await raw(JOB_API.submit, encode(job('x')).subarray(0, 9)))).toMatchObject(malformed);
    expect(await askJson(JOB_API.submit, '{"application":')).toMatchObject(malformed);
    expect(await askJson(JOB_API.submit, '[]')).toMatchObject({
      ok: false,
      error: { code: 'invalid-request' },
    });
  });

  test('more bytes than are taken', async ({ untouched: { client } }) => {
    await expect(client.submit(job('x'.repeat(1024 * 1024)))).rejects.toMatchObject({
      code: 'payload-too-large',
    });
    await expect(client.submit(job('x'.repeat(65_537)))).rejects.toMatchObject({ field: 'command' });
  });
});

describe('an idempotency key', () => {
  test('with the same body brings back the same job', async ({ given: { client, created, reach } }) => {
    const request = job('echo once', { idempotencyKey: 'k1' });
    const [first, second] = await Promise.all([client.submit(request), client.submit(request)]);
    const again = await client.submit(request);
    expect(second.id).toBe(first.id);
    expect([first.existing, second.existing].sort()).toEqual([false, true]);
    expect(again).toMatchObject({ id: first.id, existing: true });
    await reach(first.id, 'completed');
    expect(await client.submit(request)).toMatchObject({ id: first.id, state: 'completed', existing: true });
    expect(created).toEqual([first.id]);
  });

  test('with another body is refused; of another user it is another key', async ({ given: { client } }) => {
    const first = await client.submit(job('echo a', { idempotencyKey: 'k2' }));
    await expect(client.submit(job('echo b', { idempotencyKey: 'k2' }))).rejects.toMatchObject({
      code: 'idempotency-key-reused',
      field: 'idempotencyKey',
    });
    const other = await client.submit(job('echo b', { idempotencyKey: 'k2', user: 'bob' }));
    expect(other.id).not.toBe(first.id);
  });

  test('finds the job again that was stored although nobody was told so, and it runs', async ({ given }) => {
    const { client, created, reach } = given;
    const request = job('echo once', { idempotencyKey: 'k4' });
    given.losesNextAnswer = true;
    await expect(client.submit(request)).rejects.toMatchObject({ retryable: true });
    const again = await client.submit(request);
    expect(again).toMatchObject({ existing: true });
    await reach(again.id, 'completed');
    expect(created).toEqual([again.id]);
  });

  test('twice in a batch is refused, and nothing is stored', async ({ given: { client } }) => {
    const batch = client.submitBatch([
      job('echo a', { idempotencyKey: 'k3' }),
      job('echo b', { idempotencyKey: 'k3' }),
    ]);
    await expect(batch).rejects.toMatchObject({ field: 'jobs.1.idempotencyKey' });
    expect(await client.list()).toEqual([]);
  });
});
