/** What the job API tells of its jobs: progress as it comes, output in pages, lists. */
import { describe, expect } from 'vitest';
import type { JobClient, JobOutput, Progress } from '../../actors/gateway/mod.ts';
import { until } from '../support/until.ts';
import { JOB_API, job, test } from './memory-grid.ts';

describe('watch', () => {
  test('tells each state once more and ends with the job', async ({ given: { client, submitted } }) => {
    const id = await submitted(job('echo a; sleep 0.05'));
    const seen: Progress[] = [];
    for await (const progress of client.watch(id)) seen.push(progress);
    const states = seen.flatMap((item) => (item.type === 'state' ? [item.job.state] : []));
    expect(states.at(-1)).toBe('completed');
    const order = ['accepted', 'queued', 'placing', 'booting', 'running', 'completed'];
    expect(states).toEqual([...states].sort((a, b) => order.indexOf(a) - order.indexOf(b)));
  });

  test("brings the command's notes while it runs", async ({ given: { client, submitted } }) => {
    const id = await submitted(job('workload --phases "low:threads=1,duty=10,seconds=0.2;high:seconds=0.1"'));
    const notes: string[] = [];
    for await (const item of client.watch(id)) if (item.type === 'note') notes.push(item.text);
    expect(notes.some((note) => note.startsWith('phase 0 high'))).toBe(true);
  });

  test('of a job that has ended is its last state; of an unknown one an error', async ({
    given: { client, submitted, reach },
  }) => {
    const id = await submitted(job('true'));
    await reach(id, 'completed');
    const seen: Progress[] = [];
    for await (const progress of client.watch(id)) seen.push(progress);
    expect(seen).toMatchObject([{ type: 'state', job: { id, state: 'completed' } }]);
    const unknown = client.watch('j-0123456789')[Symbol.asyncIterator]().next();
    await expect(unknown).rejects.toMatchObject({ code: 'no-such-job' });
  });
});

describe('output', () => {
  const pages = async (client: JobClient, id: string, maxBytes: number) => {
    const parts: JobOutput[] = [];
    do parts.push(await client.output(id, { offset: parts.at(-1)?.next ?? 0, maxBytes }));
    while (!parts.at(-1)!.complete);
    return parts;
  };

  test.for([
    ['completed', 'echo 0123456789; echo abcdefghij'],
    ['failed', 'echo 0123456789; echo abcdefghij; exit 1'],
  ] as const)(
    'of a %s job comes in pages that join',
    async ([state, command], { given: { client, submitted, reach } }) => {
      const id = await submitted(job(command));
      await reach(id, state);
      const parts = await pages(client, id, 7);
      expect(parts.length).toBeGreaterThan(3);
      expect(parts.map((part) => part.text).join('')).toMatch(/0123456789\nabcdefghij\n$/);
    },
  );

  test('of a job that was lost comes to its end too', async ({ given: { client, submitted, reach } }) => {
    const id = await submitted(job('echo 0123456789; sleep 600', { deadlineSeconds: 0.1 }));
    await reach(id, 'failed');
    const parts = await pages(client, id, 7);
    expect(parts.map((part) => part.text).join('')).toMatch(/0123456789\n$/);
  });

  test('of a running job is not complete', async ({ given: { client, submitted, reach } }) => {
    const id = await submitted(job('echo early; sleep 600'));
    await reach(id, 'running');
    const { text, complete, next } = await until(async () => {
      const output = await client.output(id);
      return output.text.includes('early') ? output : undefined;
    });
    expect(complete).toBe(false);
    expect(next).toBe(new TextEncoder().encode(text).length);
  });

  test('of a job that never ran is empty and complete', async ({ given: { client, submitted } }) => {
    const first = await submitted(job('sleep 600'));
    const id = await submitted(job('true', { dependencies: [first] }));
    await client.cancel(id);
    expect(await client.output(id)).toEqual({ id, offset: 0, text: '', next: 0, complete: true });
  });
});

describe('list', () => {
  test('is paged newest first, without gaps or repetitions, and filtered', async ({
    given: { client, submitted },
  }) => {
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) ids.push(await submitted(job('true', { user: i % 2 ? 'bob' : 'ada' })));
    const walked: string[] = [];
    for (;;) {
      const after = walked.at(-1);
      const page = await client.list({ limit: 3, ...(after !== undefined && { after }) });
      walked.push(...page.map((view) => view.id));
      if (page.length < 3) break;
    }
    expect([...walked].sort()).toEqual([...ids].sort());
    const times = await Promise.all(walked.map(async (id) => (await client.status(id)).submittedAt));
    expect(times).toEqual([...times].sort((a, b) => b - a));
    expect((await client.list({ user: 'bob' })).length).toBe(3);
  });

  test('goes on after a job that has left the filter since', async ({
    given: { client, submitted, reach },
  }) => {
    const running = await submitted(job('sleep 600', { resources: { cores: 2 } }));
    await reach(running, 'running');
    for (let i = 0; i < 3; i++) await reach(await submitted(job('true')), 'queued');
    const [first] = await client.list({ state: 'queued', limit: 1 });
    await client.cancel(first!.id);
    const rest = await client.list({ state: 'queued', after: first!.id });
    expect(rest.map((view) => view.id)).not.toContain(first!.id);
    expect(rest.length).toBe(2);
  });

  test('refuses what it does not know', async ({ given: { mux } }) => {
    await expect(mux.request(JOB_API.list, { state: 'asleep' })).rejects.toMatchObject({ field: 'state' });
    await expect(mux.request(JOB_API.list, { limit: 0 })).rejects.toMatchObject({ field: 'limit' });
    await expect(mux.request(JOB_API.list, { after: 'j-0123456789' })).rejects.toMatchObject({
      field: 'after',
    });
  });
});
