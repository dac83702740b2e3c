/** The host actor in a system, on a simulated machine: reconciling, refusing, releasing, stopping. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  type ActorRef,
  type ActorSystem,
  createActorSystem,
  MemoryBus,
  memoryKeyValue,
} from '../../runtime/mod.ts';
import { TestClock } from '../../test/conformance/hypervisor-test-clock.ts';
import { hostActor } from './actor.ts';
import { HostBehaviour } from './behaviour.ts';
import { HypervisorUnavailable } from './errors.ts';
import type { Tenant } from './messages.ts';
import { operationJournal, type Task } from './operations/mod.ts';
import type { Hypervisor } from './port/mod.ts';
import { createSimulatedHypervisor } from './simulated/mod.ts';

const image = { name: 'tiny', kernel: '/none', initrd: '/none' };
const allocation = { cores: 1, vcpus: 1, memoryMiB: 128 };
const tenant = (jobId: string, command = 'sleep 60'): Tenant => ({
  jobId,
  domain: `sg-${jobId}`,
  image: 'tiny',
  command,
  allocation,
  limit: allocation,
});

let clock: TestClock;
let machine: Hypervisor;
let system: ActorSystem;
let host: HostBehaviour;
let ref: ActorRef<typeof hostActor>;
let told: string[];
let failures: string[];
let frames: (readonly string[])[];
let room: number;

beforeEach(async () => {
  clock = new TestClock();
  machine = createSimulatedHypervisor({ clock, bootMs: 1_000, cores: 2, memoryMiB: 1_024 });
  [told, failures, frames] = [[], [], []];
  system = createActorSystem({
    transport: new MemoryBus().connect(),
    store: memoryKeyValue(),
    node: 'n',
    clock,
    onFailure: ({ error }) => failures.push(error.message),
  });
  host = new HostBehaviour({
    open: async () => machine,
    image: () => image,
    clock,
    journal: operationJournal(memoryKeyValue(), 'h'),
    neighbours: {
      announce: ({ free }) => {
        room = free.cores;
      },
      settled: ({ error }) => void (error !== undefined && told.push(`refused ${error.code}`)),
      progress: ({ progress }) => told.push(`progress ${progress.phase}`),
      report: ({ operation, outcome }) => told.push(`${operation.task.kind} ${outcome}`),
      removal: {
        arrange: async () => {
          throw new HypervisorUnavailable('no other host', 'start one');
        },
        handOver: async () => {},
        callOff: () => {},
      },
      counters: () => {},
      frame: (frame) => frames.push(frame.ids),
      isWanted: async ({ jobId }) => jobId !== 'ended',
      tenancy: (jobId) => ({
        started: ({ adopted }) => told.push(`${jobId} ${adopted ? 'adopted' : 'started'}`),
        exited: ({ exitCode }) => told.push(`${jobId} exited ${exitCode}`),
        lost: ({ error }) => told.push(`${jobId} lost ${error.code}`),
        note: () => {},
      }),
    },
  });
  system.register(hostActor, host);
  ref = await system.spawn(hostActor, 'h', { name: 'h', pool: 'p' });
});

afterEach(async () => {
  await host.close({ destroy: true });
  await system.stop();
});

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
async function pass(ms: number) {
  await settle();
  for (let passed = 0; passed < ms; passed += 100) {
    clock.advance(100);
    await settle();
  }
}
const names = async () => (await machine.list()).map((domain) => domain.name).sort();
const ensure = (who: Tenant, mayCreate = true) => ref.ask({ type: 'ensure', tenant: who, mayCreate });

test('runs a tenant, samples it while it lives there, and lets it go', async () => {
  await host.open(ref, 'h');
  expect(await ensure(tenant('a', 'sleep 3; exit 4'))).toEqual({ accepted: true });
  await pass(2_000);
  expect(told).toEqual(['a started']);
  expect(frames.at(-1)).toEqual(['sg-a']);
  expect((await host.output('a', 0, 100))?.data.length).toBeGreaterThan(0);
  await pass(5_000);
  expect(told).toEqual(['a started', 'a exited 4']);
  await ref.ask({ type: 'release', jobId: 'a' });
  await pass(100);
  expect(await names()).toEqual([]);
  expect((await ref.ask({ type: 'describe' })).residents).toEqual([]);
  const sampled = frames.length;
  await pass(500);
  expect(frames.length).toBe(sampled);
});

test('refuses before it is open, and whom it has no room for', async () => {
  expect(await ensure(tenant('a'))).toMatchObject({ accepted: false, error: { retryable: true } });
  await host.open(ref, 'h');
  await ensure(tenant('a'));
  await ensure(tenant('b'));
  expect(await ensure(tenant('c'))).toMatchObject({ accepted: false, error: { code: 'no-room' } });
});

test('reconciles what it finds: ended jobs go, others stay and are adopted', async () => {
  for (const jobId of ['ended', 'alive']) {
    await machine.create({ name: `sg-${jobId}`, jobId, image, allocation, limit: allocation });
  }
  await host.open(ref, 'h');
  await pass(100);
  expect(await names()).toEqual(['sg-alive']);
  await ensure(tenant('alive'), false);
  await pass(2_000);
  expect((await ref.ask({ type: 'describe' })).residents).toMatchObject([{ jobId: 'alive' }]);
});

test('a tenant asked for twice is adopted, not started again', async () => {
  await host.open(ref, 'h');
  await ensure(tenant('a'));
  await pass(2_000);
  await ensure(tenant('a'), false);
  await pass(500);
  expect(told).toEqual(['a started', 'a adopted']);
  expect(await names()).toEqual(['sg-a']);
});

test('released while it is being created: no domain is left', async () => {
  await host.open(ref, 'h');
  const gate = Promise.withResolvers<void>();
  const create = machine.create.bind(machine);
  machine.create = async (spec) => {
    await gate.promise;
    return await create(spec);
  };
  await ensure(tenant('a'));
  await settle();
  await ref.ask({ type: 'release', jobId: 'a' });
  await settle();
  gate.resolve();
  await pass(2_000);
  expect(await names()).toEqual([]);
  expect(told).toEqual([]);
});

test('a domain that cannot be removed at once is removed later, and the host goes on', async () => {
  await host.open(ref, 'h');
  await ensure(tenant('a'));
  await pass(2_000);
  const destroy = machine.destroy.bind(machine);
  let failed = 0;
  machine.destroy = async (name) => {
    if (failed++ === 0) throw new HypervisorUnavailable('busy', 'x');
    await destroy(name);
  };
  await ref.ask({ type: 'release', jobId: 'a' });
  await vi.waitFor(async () => expect(await names()).toEqual([]), { timeout: 10_000 });
  expect(await ensure(tenant('b'))).toEqual({ accepted: true });
  expect(failures).toEqual([]);
});

test('a hypervisor that cannot be opened is told and thrown', async () => {
  const broken = new HostBehaviour({
    open: async () => {
      throw new HypervisorUnavailable('libvirtd does not run', 'start it');
    },
    image: () => image,
    clock,
    journal: operationJournal(memoryKeyValue(), 'h'),
    neighbours: {} as never,
  });
  await expect(broken.open(ref, 'h')).rejects.toThrow('libvirtd does not run');
});

test('closing leaves domains running and names them, or ends them', async () => {
  await host.open(ref, 'h');
  await ensure(tenant('a'));
  await pass(2_000);
  const dispose = machine[Symbol.asyncDispose].bind(machine);
  machine[Symbol.asyncDispose] = async () => {};
  expect(await host.close({ destroy: false })).toEqual(['sg-a']);
  expect(await names()).toEqual(['sg-a']);
  const destroy = machine.destroy.bind(machine);
  machine.destroy = async () => {
    throw new HypervisorUnavailable('gone', 'x');
  };
  expect(await host.close({ destroy: true })).toEqual(['sg-a']);
  machine.destroy = destroy;
  expect(await host.close({ destroy: true })).toEqual([]);
  await dispose();
  expect(failures).toEqual([]);
});

const operate = (task: Task, id = 'o', jobId = 'a') =>
  ref.ask({ type: 'operate', operation: { id, jobId, why: 'a test', task } });
/** A checkpoint that takes until the returned function is called. */
function slowCheckpoint() {
  const end = Promise.withResolvers<void>();
  machine.checkpoints.take = async (_domain, { signal, onProgress } = {}) => {
    onProgress?.({ phase: 'saving' });
    const cancelled = new Promise<never>((_, reject) =>
      signal?.addEventListener('abort', () => reject(signal.reason)),
    );
    await Promise.race([end.promise, cancelled]);
    return { id: 'c1' } as never;
  };
  return end.resolve;
}

test('an operation is told from its begin to its report; directives wait for it', async () => {
  const end = slowCheckpoint();
  Object.assign(machine.capabilities, { checkpoints: 'live' });
  await host.open(ref, 'h');
  await ensure(tenant('a'));
  await pass(2_000);
  told.length = 0;
  expect(await operate({ kind: 'checkpoint' })).toEqual({ accepted: true });
  expect(await operate({ kind: 'checkpoint' })).toEqual({ accepted: true });
  expect(await operate({ kind: 'activate' }, 'p')).toMatchObject({
    accepted: false,
    error: { code: 'domain-busy', retryable: true },
  });
  await ref.ask({
    type: 'directive',
    directive: {
      ...{ id: 'd', jobId: 'a', domain: 'sg-a', resource: 'cores', from: 1, to: 0.5, at: 0 },
      reason: { rule: 'release', use: 0, demand: 0 },
    },
  });
  end();
  await pass(100);
  expect(told).toEqual(['progress saving', 'refused domain-busy', 'checkpoint done']);
  expect(await ref.ask({ type: 'describe' })).toMatchObject({
    operations: [],
    reports: [{ outcome: 'done' }],
  });
});

test('an operation is cancelled by whoever asks, and before its VM goes', async () => {
  slowCheckpoint();
  Object.assign(machine.capabilities, { checkpoints: 'live' });
  await host.open(ref, 'h');
  await ensure(tenant('a'));
  await pass(2_000);
  told.length = 0;
  await operate({ kind: 'checkpoint' });
  await ref.ask({ type: 'cancel-operation', id: 'o' });
  await pass(100);
  await operate({ kind: 'checkpoint' }, 'p');
  await ref.ask({ type: 'release', jobId: 'a' });
  await pass(100);
  expect(told.filter((line) => !line.startsWith('progress'))).toEqual([
    'checkpoint cancelled',
    'checkpoint cancelled',
  ]);
  expect(await names()).toEqual([]);
});

test('an operation is refused on who does not live here, and where the host cannot', async () => {
  await host.open(ref, 'h');
  Object.assign(machine.capabilities, { migration: 'none' });
  expect(await operate({ kind: 'activate' })).toMatchObject({ error: { code: 'domain-not-found' } });
  await ensure(tenant('a'));
  expect(await operate({ kind: 'migrate', to: 'b' })).toMatchObject({
    error: { code: 'capability-missing' },
  });
});

test('keeps room for who is on its way, until it has arrived, is called off or is too late', async () => {
  const target = {
    host: 'h',
    uri: 'test:///h',
    via: { kind: 'unix' as const, folder: '/x' },
    runDir: '/x',
    storeDir: '/x',
  };
  machine.migration.target = async () => target;
  await host.open(ref, 'h');
  const expectVm = (jobId: string) =>
    ref.ask({ type: 'expect', jobId, domain: `sg-${jobId}`, allocation, withinMs: 1_000 });
  expect(await expectVm('a')).toEqual({ accepted: true, target });
  expect(await expectVm('b')).toEqual({ accepted: true, target });
  expect(await expectVm('c')).toMatchObject({ accepted: false, error: { code: 'no-room' } });
  await ref.ask({ type: 'arrived', jobId: 'a', domain: 'sg-a' });
  expect(room).toBe(0);
  expect(await expectVm('a')).toMatchObject({ accepted: false, error: { code: 'already-here' } });
  await pass(1_100);
  expect(room).toBe(1);
  expect((await ref.ask({ type: 'describe' })).residents).toMatchObject([{ jobId: 'a', domain: 'sg-a' }]);
});
