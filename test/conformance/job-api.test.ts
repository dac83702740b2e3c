/** The job API as its users meet it: a whole grid on in-memory drivers, its jobs on the simulated hypervisor. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { JobClient, type JobOutput, type Progress } from '../../actors/gateway/mod.ts';
import { Grid } from '../../actors/grid/mod.ts';
import type { Hypervisor } from '../../actors/host/mod.ts';
import { createSimulatedHypervisor } from '../../actors/host/simulated/mod.ts';
import type { JobRequestInput, JobState, JobView } from '../../actors/job/mod.ts';
import {
  createMux,
  decode,
  encode,
  type KeyValue,
  MemoryBus,
  type MemoryTransport,
  type Mux,
  memoryKeyValue,
  systemClock,
} from '../../runtime/mod.ts';
import { until } from './transport-until.ts';

const image = { name: 'tiny', kernel: '/none', initrd: '/none' };
/** The subjects are the contract: written out, so that nobody changes them by accident. */
const JOB_API = {
  submit: 'shadowgrid.job.submit',
  status: 'shadowgrid.job.status',
  list: 'shadowgrid.job.list',
  cancel: 'shadowgrid.job.cancel',
  output: 'shadowgrid.job.output',
};
const ENDED: readonly JobState[] = ['completed', 'failed', 'cancelled'];

let bus: MemoryBus;
let store: KeyValue;
let outputs: KeyValue;
let machine: Hypervisor;
let grid: Grid;
let link: MemoryTransport;
let mux: Mux;
let client: JobClient;
let created: string[];

/** The machine outlives the grids that open it. */
function borrowed(owned: Hypervisor): Hypervisor {
  return {
    capabilities: owned.capabilities,
    info: () => owned.info(),
    list: () => owned.list(),
    create: (spec, options) => {
      created.push(spec.jobId);
      return owned.create(spec, options);
    },
    destroy: (name) => owned.destroy(name),
    setCores: (name, cores) => owned.setCores(name, cores),
    setVcpus: (name, vcpus) => owned.setVcpus(name, vcpus),
    setMemory: (name, memoryMiB) => owned.setMemory(name, memoryMiB),
    agent: (name, options) => owned.agent(name, options),
    sample: (names, out) => owned.sample(names, out),
    consoleTail: (name) => owned.consoleTail(name),
    onLifecycle: (listener) => owned.onLifecycle(listener),
    [Symbol.asyncDispose]: async () => {},
  };
}

async function startGrid(): Promise<Grid> {
  const next = new Grid({
    node: 'test',
    transport: bus.connect(),
    store,
    outputs,
    // The allocator's worker knows no in-memory bus: it tries in vain, and jobs run with what they start with.
    natsUrl: 'nats://127.0.0.1:1',
    modelPath: undefined,
    clock: systemClock,
    hosts: [{ name: 'sim', pool: 'general-purpose', open: async () => borrowed(machine) }],
    images: [image],
    pools: ['general-purpose'],
    log: { info: () => {}, warn: () => {} },
  });
  await next.start();
  return next;
}

beforeEach(async () => {
  bus = new MemoryBus();
  store = memoryKeyValue();
  outputs = memoryKeyValue();
  created = [];
  machine = createSimulatedHypervisor({ cores: 2, memoryMiB: 1024, bootMs: 5 });
  grid = await startGrid();
  link = bus.connect();
  mux = createMux(link);
  client = new JobClient(mux);
});

afterEach(async () => {
  await mux.close();
  await grid.stop({ keep: false });
  await machine[Symbol.asyncDispose]();
});

const job = (command: string, more: Partial<JobRequestInput> = {}): JobRequestInput => ({
  application: 'suite',
  user: 'ada',
  command,
  shadow: { policy: 'fixed' },
  ...more,
});

async function submitted(request: JobRequestInput): Promise<string> {
  return (await client.submit(request)).id;
}

function reach(id: string, ...states: readonly JobState[]): Promise<JobView> {
  return until(async () => {
    const view = await client.status(id);
    if (states.includes(view.state)) return view;
    if (ENDED.includes(view.state)) throw new Error(`${id} is ${view.state}: ${view.error?.message}`);
    return undefined;
  });
}

/** What a client without any library of ours gets for bytes. */
async function raw(subject: string, bytes: Uint8Array): Promise<Uint8Array> {
  const answer = Promise.withResolvers<Uint8Array>();
  const inbox = `raw.${crypto.randomUUID()}`;
  const subscription = link.subscribe(inbox, ({ data }) => answer.resolve(data));
  link.publish(subject, bytes, { reply: inbox });
  return await answer.promise.finally(() => subscription.unsubscribe());
}

async function askJson(subject: string, text: string): Promise<{ ok: boolean; body?: never; error?: never }> {
  return JSON.parse(new TextDecoder().decode(await raw(subject, new TextEncoder().encode(text))));
}

describe('a job', () => {
  test('runs from submission to its end', async () => {
    const accepted = await client.submit(job('echo hello'));
    expect(accepted).toEqual({ id: expect.stringMatching(/^j-/), state: 'accepted', existing: false });
    const done = await reach(accepted.id, 'completed');
    expect(done).toMatchObject({ host: 'sim', exitCode: 0, signal: 0, request: { application: 'suite' } });
    expect(done.submittedAt).toBeLessThanOrEqual(done.startedAt!);
    expect(done.startedAt!).toBeLessThanOrEqual(done.endedAt!);
    expect((await client.output(accepted.id)).text).toContain('hello\n');
    await until(async () => (await machine.list()).length === 0);
  });

  test('is submitted, asked for and cancelled in JSON, and answered in JSON', async () => {
    const answer = await askJson(JOB_API.submit, JSON.stringify(job('sleep 60')));
    expect(answer).toMatchObject({ ok: true, body: { state: 'accepted' } });
    const { id } = answer.body as unknown as { id: string };
    expect(await askJson(JOB_API.status, JSON.stringify({ id }))).toMatchObject({ ok: true, body: { id } });
    const cancelled = await askJson(JOB_API.cancel, JSON.stringify({ id }));
    expect(cancelled).toMatchObject({ ok: true, body: { id, state: 'cancelled' } });
    expect(await askJson(JOB_API.list, '{}')).toMatchObject({ ok: true, body: { jobs: [{ id }] } });
  });

  test('whose command exits with 3 fails, with the reason and its output', async () => {
    const id = await submitted(job('echo so far so good; exit 3'));
    const failed = await reach(id, 'failed');
    expect(failed).toMatchObject({ exitCode: 3, error: { code: 'command-failed' } });
    expect(failed.error?.message).toContain('status 3');
    const output = await client.output(id);
    expect(output.text).toContain('so far so good');
    expect(output.complete).toBe(true);
  });

  test('that runs longer than its deadline fails, and its output is kept', async () => {
    const id = await submitted(job('echo begun; sleep 600', { deadlineSeconds: 0.1 }));
    const failed = await reach(id, 'failed');
    expect(failed.error).toMatchObject({ code: 'deadline-exceeded', field: 'deadlineSeconds' });
    expect((await client.output(id)).text).toContain('begun');
    await until(async () => (await machine.list()).length === 0);
  });

  test('whose VM is stopped under it fails', async () => {
    const id = await submitted(job('sleep 600'));
    await reach(id, 'running');
    await machine.destroy(`sg-${id}`);
    expect((await reach(id, 'failed')).error?.code).toBe('domain-stopped');
  });
});

describe('errors name the field and what would be right', () => {
  test.each([
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
  ])('%j', async (body, field) => {
    const error = await mux.request(JOB_API.submit, body).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'invalid-request', field, hint: expect.stringMatching(/.+/) });
    expect(await client.list()).toEqual([]);
  });

  test('a cycle of dependencies is refused whole', async () => {
    const cycle = client.submitBatch([
      job('true', { name: 'a', dependencies: ['b'] }),
      job('true', { name: 'b', dependencies: ['a'] }),
    ]);
    await expect(cycle).rejects.toMatchObject({ code: 'invalid-request', field: 'jobs.0.dependencies' });
    expect(await client.list()).toEqual([]);
  });

  test.each([JOB_API.status, JOB_API.cancel, JOB_API.output])('%s of an unknown job', async (subject) => {
    const id = 'j-0123456789';
    await expect(mux.request(subject, { id })).rejects.toMatchObject({ code: 'no-such-job', field: 'id' });
    await expect(mux.request(subject, { id: '../etc' })).rejects.toMatchObject({ field: 'id' });
    await expect(mux.request(subject, { id, extra: 1 })).rejects.toMatchObject({ field: 'extra' });
  });

  test('bytes that are neither MessagePack nor JSON', async () => {
    const malformed = { ok: false, error: { code: 'malformed-message', hint: expect.any(String) } };
    expect(decode(await raw(JOB_API.submit, new Uint8Array([0xc1, 0xff])))).toMatchObject(malformed);
    expect(decode(await raw(JOB_API.submit, encode(job('x')).subarray(0, 9)))).toMatchObject(malformed);
    expect(await askJson(JOB_API.submit, '{"application":')).toMatchObject(malformed);
    expect(await askJson(JOB_API.submit, '[]')).toMatchObject({
      ok: false,
      error: { code: 'invalid-request' },
    });
  });

  test('more bytes than are taken', async () => {
    await expect(client.submit(job('x'.repeat(1024 * 1024)))).rejects.toMatchObject({
      code: 'payload-too-large',
    });
    await expect(client.submit(job('x'.repeat(65_537)))).rejects.toMatchObject({ field: 'command' });
  });
});

describe('an idempotency key', () => {
  test('with the same body brings back the same job', async () => {
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

  test('with another body is refused; of another user it is another key', async () => {
    const first = await client.submit(job('echo a', { idempotencyKey: 'k2' }));
    await expect(client.submit(job('echo b', { idempotencyKey: 'k2' }))).rejects.toMatchObject({
      code: 'idempotency-key-reused',
      field: 'idempotencyKey',
    });
    const other = await client.submit(job('echo b', { idempotencyKey: 'k2', user: 'bob' }));
    expect(other.id).not.toBe(first.id);
  });

  test('twice in a batch is refused, and nothing is stored', async () => {
    const batch = client.submitBatch([
      job('echo a', { idempotencyKey: 'k3' }),
      job('echo b', { idempotencyKey: 'k3' }),
    ]);
    await expect(batch).rejects.toMatchObject({ field: 'jobs.1.idempotencyKey' });
    expect(await client.list()).toEqual([]);
  });
});

describe('cancel', () => {
  test('while it waits for another job', async () => {
    const { jobs } = await client.submitBatch([
      job('sleep 600', { name: 'first' }),
      job('true', { name: 'second', dependencies: ['first'] }),
    ]);
    await reach(jobs[1]!.id, 'accepted');
    expect(await client.cancel(jobs[1]!.id)).toMatchObject({
      state: 'cancelled',
      error: { code: 'cancelled' },
    });
  });

  test('while it is queued: those behind it move up', async () => {
    const running = await submitted(job('sleep 600', { resources: { cores: 1.5 } }));
    await reach(running, 'running');
    const large = await submitted(job('true', { resources: { cores: 1 }, priority: 90 }));
    const small = await submitted(job('true', { resources: { cores: 0.5 } }));
    await reach(large, 'queued');
    await reach(small, 'queued');
    expect(await client.cancel(large)).toMatchObject({ state: 'cancelled' });
    await reach(small, 'completed');
  });

  test('at once after submission, again and again, leaves neither a VM nor booked room behind', async () => {
    for (let i = 0; i < 10; i++) {
      const id = await submitted(job('sleep 600', { resources: { cores: 2 } }));
      for (let turn = 0; turn < i; turn++) await Promise.resolve();
      expect(await client.cancel(id)).toMatchObject({ state: 'cancelled' });
    }
    await reach(await submitted(job('true', { resources: { cores: 2 } })), 'completed');
    await until(async () => (await machine.list()).length === 0);
  });

  test('while it runs: its VM ends', async () => {
    const id = await submitted(job('sleep 600'));
    await reach(id, 'running');
    expect(await client.cancel(id)).toMatchObject({ state: 'cancelled' });
    await until(async () => (await machine.list()).length === 0);
  });

  test('after its end changes nothing', async () => {
    const id = await submitted(job('true'));
    const done = await reach(id, 'completed');
    expect(await client.cancel(id)).toEqual(done);
  });
});

describe('dependencies', () => {
  test('run in order; answers come in the order of the request', async () => {
    const { jobs } = await client.submitBatch([
      job('echo second', { name: 'second', dependencies: ['first'] }),
      job('echo first', { name: 'first' }),
    ]);
    const views = await Promise.all(jobs.map(({ id }) => reach(id, 'completed')));
    expect(views.map((view) => view.request.name)).toEqual(['second', 'first']);
    expect(views[0]!.startedAt!).toBeGreaterThanOrEqual(views[1]!.endedAt!);
  });

  test('on a job that ended before', async () => {
    const first = await submitted(job('true'));
    await reach(first, 'completed');
    await reach(await submitted(job('true', { dependencies: [first] })), 'completed');
  });

  test('on a job that fails: it and all behind it fail', async () => {
    const { jobs } = await client.submitBatch([
      job('false', { name: 'a' }),
      job('true', { name: 'b', dependencies: ['a'] }),
      job('true', { name: 'c', dependencies: ['b'] }),
    ]);
    const [, b, c] = await Promise.all(jobs.map(({ id }) => reach(id, 'failed')));
    expect(b?.error).toMatchObject({ code: 'dependency-failed', field: 'dependencies' });
    expect(c?.error?.message).toContain(b!.id);
    expect(created).toEqual([jobs[0]!.id]);
    expect((await reach(await submitted(job('true', { dependencies: [c!.id] })), 'failed')).error?.code).toBe(
      'dependency-failed',
    );
  });
});

describe('watch', () => {
  test('tells each state once more and ends with the job', async () => {
    const id = await submitted(job('echo a; sleep 0.05'));
    const seen: Progress[] = [];
    for await (const progress of client.watch(id)) seen.push(progress);
    const states = seen.flatMap((item) => (item.type === 'state' ? [item.job.state] : []));
    expect(states.at(-1)).toBe('completed');
    const order = ['accepted', 'queued', 'placing', 'booting', 'running', 'completed'];
    expect(states).toEqual([...states].sort((a, b) => order.indexOf(a) - order.indexOf(b)));
  });

  test("brings the command's notes while it runs", async () => {
    const id = await submitted(job('workload --phases "low:threads=1,duty=10,seconds=0.2;high:seconds=0.1"'));
    const notes: string[] = [];
    for await (const item of client.watch(id)) if (item.type === 'note') notes.push(item.text);
    expect(notes.some((note) => note.startsWith('phase 0 high'))).toBe(true);
  });

  test('of a job that has ended is its last state; of an unknown one an error', async () => {
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
  const pages = async (id: string, maxBytes: number) => {
    const parts: JobOutput[] = [];
    do parts.push(await client.output(id, { offset: parts.at(-1)?.next ?? 0, maxBytes }));
    while (!parts.at(-1)!.complete);
    return parts;
  };

  test.each([
    ['completed', 'echo 0123456789; echo abcdefghij'],
    ['failed', 'echo 0123456789; echo abcdefghij; exit 1'],
  ] as const)('of a %s job comes in pages that join', async (state, command) => {
    const id = await submitted(job(command));
    await reach(id, state);
    const parts = await pages(id, 7);
    expect(parts.length).toBeGreaterThan(3);
    expect(parts.map((part) => part.text).join('')).toMatch(/0123456789\nabcdefghij\n$/);
  });

  test('of a job that was lost comes to its end too', async () => {
    const id = await submitted(job('echo 0123456789; sleep 600', { deadlineSeconds: 0.1 }));
    await reach(id, 'failed');
    const parts = await pages(id, 7);
    expect(parts.map((part) => part.text).join('')).toMatch(/0123456789\n$/);
  });

  test('of a running job is not complete', async () => {
    const id = await submitted(job('echo early; sleep 600'));
    await reach(id, 'running');
    const { text, complete, next } = await until(async () => {
      const output = await client.output(id);
      return output.text.includes('early') ? output : undefined;
    });
    expect(complete).toBe(false);
    expect(next).toBe(new TextEncoder().encode(text).length);
  });

  test('of a job that never ran is empty and complete', async () => {
    const first = await submitted(job('sleep 600'));
    const id = await submitted(job('true', { dependencies: [first] }));
    await client.cancel(id);
    expect(await client.output(id)).toEqual({ id, offset: 0, text: '', next: 0, complete: true });
  });
});

describe('list', () => {
  test('is paged newest first, without gaps or repetitions, and filtered', async () => {
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

  test('goes on after a job that has left the filter since', async () => {
    const running = await submitted(job('sleep 600', { resources: { cores: 2 } }));
    await reach(running, 'running');
    for (let i = 0; i < 3; i++) await reach(await submitted(job('true')), 'queued');
    const [first] = await client.list({ state: 'queued', limit: 1 });
    await client.cancel(first!.id);
    const rest = await client.list({ state: 'queued', after: first!.id });
    expect(rest.map((view) => view.id)).not.toContain(first!.id);
    expect(rest.length).toBe(2);
  });

  test('refuses what it does not know', async () => {
    await expect(mux.request(JOB_API.list, { state: 'asleep' })).rejects.toMatchObject({ field: 'state' });
    await expect(mux.request(JOB_API.list, { limit: 0 })).rejects.toMatchObject({ field: 'limit' });
    await expect(mux.request(JOB_API.list, { after: 'j-0123456789' })).rejects.toMatchObject({
      field: 'after',
    });
  });
});

describe('a restart', () => {
  test('finds jobs again, adopts their VMs and starts none twice', async () => {
    const finished = await submitted(job('echo kept'));
    await reach(finished, 'completed');
    const running = await submitted(job('echo before; sleep 0.5', { idempotencyKey: 'once' }));
    await reach(running, 'running');
    const { jobs } = await client.submitBatch([job('true', { dependencies: [running] })]);
    const waiting = jobs[0]!.id;

    expect(await grid.stop({ keep: true })).toEqual([`sg-${running}`]);
    grid = await startGrid();

    expect(await client.status(finished)).toMatchObject({ state: 'completed' });
    expect((await client.output(finished)).text).toContain('kept');
    expect((await client.list()).map((view) => view.id).sort()).toEqual([finished, running, waiting].sort());
    await reach(running, 'completed');
    await reach(waiting, 'completed');
    expect((await client.output(running)).text).toContain('before');
    expect(created.filter((id) => id === running)).toEqual([running]);
    expect(await client.submit(job('echo before; sleep 0.5', { idempotencyKey: 'once' }))).toMatchObject({
      id: running,
      existing: true,
    });
  });

  test('fails a job whose VM is gone, and removes a VM whose job has ended', async () => {
    const [gone, orphan] = [await submitted(job('sleep 600')), await submitted(job('sleep 600'))];
    await reach(gone, 'running');
    await reach(orphan, 'running');
    await grid.stop({ keep: true });
    await machine.destroy(`sg-${gone}`);
    grid = await startGrid();
    expect((await reach(gone, 'failed')).error?.code).toBe('domain-vanished');
    expect(created.filter((id) => id === gone)).toEqual([gone]);
    await client.cancel(orphan);
    await until(async () => (await machine.list()).length === 0);
  });

  test('a stop starts nobody from the queue; the next start does', async () => {
    const first = await submitted(job('sleep 600', { resources: { cores: 2 } }));
    await reach(first, 'running');
    const next = await submitted(job('true', { resources: { cores: 2 } }));
    await reach(next, 'queued');
    expect(await grid.stop({ keep: false })).toEqual([]);
    expect(await machine.list()).toEqual([]);
    grid = await startGrid();
    await reach(next, 'completed');
  });

  test('an orderly stop ends VMs and says why their jobs failed', async () => {
    const id = await submitted(job('sleep 600'));
    await reach(id, 'running');
    expect(await grid.stop({ keep: false })).toEqual([]);
    expect(await machine.list()).toEqual([]);
    grid = await startGrid();
    expect(await client.status(id)).toMatchObject({ state: 'failed', error: { code: 'grid-stopped' } });
  });
});
