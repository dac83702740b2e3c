/** Operations: journalled before they begin, cancelled, in time, handed over, and finished or undone after a crash. */
import { beforeEach, expect, test } from 'vitest';
import { GridError, memoryKeyValue, StoreUnavailable } from '../../../runtime/mod.ts';
import { TestClock } from '../../../test/conformance/hypervisor-test-clock.ts';
import { CheckpointFailed, HypervisorUnavailable } from '../errors.ts';
import type { Checkpoint, DomainStatus, Hypervisor, MigrationReport, MigrationTarget } from '../port/mod.ts';
import { Turns } from '../turns.ts';
import { type Journal, operationJournal } from './journal.ts';
import type { JournalEntry, Operation, Task } from './operation.ts';
import { Operations } from './operations.ts';

const domain = 'sg-j';
const target: MigrationTarget = {
  host: 'b',
  uri: 'test:///b',
  via: { kind: 'unix', folder: '/run/b' },
  runDir: '/run/b',
  storeDir: '/run/b/store',
};
const operation = (task: Task, more: Partial<Operation> = {}): Operation => ({
  id: 'o',
  jobId: 'j',
  why: 'a test',
  task,
  ...more,
});
const checkpoint = operation({ kind: 'checkpoint' });
const rollBack = operation({ kind: 'roll-back', checkpoint: 'c1' });
const migrate = operation({ kind: 'migrate', to: 'b' });

let clock: TestClock;
let journal: Journal;
let calls: string[];
let others: string[];
let running: string[];
let whose: 'here' | 'there' | 'nowhere';
/** What the hypervisor's next call does. */
let act: (signal: AbortSignal) => Promise<unknown>;
let operations: Operations;

beforeEach(() => {
  clock = new TestClock();
  journal = operationJournal(memoryKeyValue(), 'h');
  [calls, others, running, whose] = [[], [], [domain], 'here'];
  act = async () => ({});
  operations = begin();
});

function begin(): Operations {
  const call = async (what: string, signal?: AbortSignal) => {
    calls.push(what);
    return (await act(signal ?? new AbortController().signal)) as never;
  };
  const hypervisor = {
    list: async () => running.map((name) => ({ name }) as DomainStatus),
    checkpoints: {
      take: (name: string, { signal }: { signal?: AbortSignal }) => call(`take ${name}`, signal),
      rollBack: (name: string, id: string, { signal }: { signal?: AbortSignal }) =>
        call(`roll back ${name} to ${id}`, signal),
    },
    migration: {
      migrate: (name: string, to: MigrationTarget, { signal }: { signal?: AbortSignal }) =>
        call(`migrate ${name} to ${to.host}`, signal),
      resolve: async () => whose,
    },
  } as unknown as Hypervisor;
  return new Operations({
    hypervisor,
    journal,
    clock,
    turns: new Turns(),
    removal: {
      arrange: async (to) => {
        others.push(`arrange ${to}`);
        return target;
      },
      handOver: async (to, jobId) => void others.push(`hand ${jobId} over to ${to}`),
      callOff: (to, jobId) => void others.push(`call ${jobId} off at ${to}`),
    },
    onProgress: () => {},
  });
}
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
const untilAborted = (signal: AbortSignal) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
const moved = { migration: { outcome: 'moved' } as MigrationReport };

test('is in the journal while it is under way, and not afterwards', async () => {
  const end = Promise.withResolvers<Partial<Checkpoint>>();
  act = () => end.promise;
  const over = operations.run(checkpoint, domain);
  await settle();
  expect(await journal.open()).toMatchObject([{ operation: checkpoint, domain }]);
  end.resolve({ id: 'c1' });
  expect(await over).toMatchObject({ outcome: 'done', result: { checkpoint: { id: 'c1' } } });
  await settle();
  expect(await journal.open()).toEqual([]);
});

test('asked for twice, it is one operation', async () => {
  const [one, other] = await Promise.all([
    operations.run(checkpoint, domain),
    operations.run(checkpoint, domain),
  ]);
  expect(one).toBe(other);
  expect(calls).toEqual([`take ${domain}`]);
});

test('nothing is begun that is not in the journal', async () => {
  journal = {
    ...journal,
    begin: async () => {
      throw new StoreUnavailable('operation.h.o', 'away');
    },
  };
  operations = begin();
  expect(await operations.run(checkpoint, domain)).toMatchObject({
    outcome: 'failed',
    error: { code: 'store-unavailable' },
  });
  expect(await operations.run(migrate, domain)).toMatchObject({ outcome: 'failed' });
  expect(calls).toEqual([]);
  expect(others).toEqual(['arrange b', 'call j off at b']);
});

test('a failure is a report, and the journal forgets it', async () => {
  act = async () => {
    throw new CheckpointFailed(domain, 'the guest was busy');
  };
  expect(await operations.run(checkpoint, domain)).toMatchObject({
    outcome: 'failed',
    error: { code: 'checkpoint-failed', retryable: true },
  });
  await settle();
  expect(await journal.open()).toEqual([]);
});

test('is cancelled, and runs out of time', async () => {
  act = untilAborted;
  const cancelled = operations.run(checkpoint, domain);
  await settle();
  operations.cancel('o');
  expect(await cancelled).toMatchObject({ outcome: 'cancelled', error: { code: 'cancelled' } });

  const late = operations.run(operation({ kind: 'checkpoint' }, { id: 'late', deadlineMs: 1_000 }), domain);
  await settle();
  clock.advance(1_000);
  expect(await late).toMatchObject({ outcome: 'failed', error: { code: 'deadline-exceeded' } });
});

test('all of a job are cancelled before its VM goes; those of others go on', async () => {
  act = untilAborted;
  const own = operations.run(checkpoint, domain);
  const other = operations.run(operation({ kind: 'checkpoint' }, { id: 'p', jobId: 'k' }), 'sg-k');
  await settle();
  await operations.cancelAllOf('j');
  expect(await own).toMatchObject({ outcome: 'cancelled' });
  expect(await Promise.race([other, settle()])).toBeUndefined();
  await operations.close();
  expect(await other).toMatchObject({ outcome: 'cancelled' });
});

test('a VM that moved is handed over; one that came back is called off', async () => {
  act = async () => moved.migration;
  expect(await operations.run(migrate, domain)).toMatchObject({ outcome: 'done', result: moved });
  expect(others).toEqual(['arrange b', 'hand j over to b']);

  others = [];
  act = async () => ({ outcome: 'returned', from: 'a', why: 'it stalled' });
  expect(await operations.run(migrate, domain)).toMatchObject({
    outcome: 'failed',
    error: { code: 'migration-returned', message: 'it runs on at a: it stalled' },
  });
  expect(others).toEqual(['arrange b', 'call j off at b']);
});

async function recovered() {
  const { over, underWay } = await operations.recover();
  return [...over, ...(await Promise.all(underWay.map(({ report }) => report)))];
}
const crashed = async (entry: Partial<JournalEntry> & Pick<JournalEntry, 'operation'>) =>
  journal.begin({ domain, at: clock.now(), ...entry });

test.each([
  ['a checkpoint is forgotten', checkpoint, [domain], []],
  ['a rollback whose VM is gone is finished', rollBack, [], [`roll back ${domain} to c1`]],
  ['a rollback whose VM runs is not done twice', rollBack, [domain], []],
])('after a crash, %s', async (_, interrupted, left, expected) => {
  await crashed({ operation: interrupted });
  running = left;
  const [report] = await recovered();
  expect(report).toMatchObject({
    operation: interrupted,
    outcome: expected.length > 0 ? 'done' : 'interrupted',
  });
  expect(calls).toEqual(expected);
  await settle();
  expect(await journal.open()).toEqual([]);
});

test.each([
  ['there', 'done', ['hand j over to b']],
  ['here', 'failed', ['call j off at b']],
  ['nowhere', 'failed', ['call j off at b']],
] as const)('after a crash in mid-migration, the VM is found %s', async (side, outcome, told) => {
  await crashed({ operation: migrate, target });
  whose = side;
  expect(await recovered()).toMatchObject([{ outcome }]);
  expect(others).toEqual(told);
  expect(calls).toEqual([]);
  await settle();
  expect(await journal.open()).toEqual([]);
});

test('a VM is handed over until somebody takes it', async () => {
  await crashed({ operation: migrate, target });
  whose = 'there';
  let refusals = 0;
  const taken: string[] = [];
  operations = new Operations({
    hypervisor: {
      list: async () => [],
      migration: { resolve: async () => 'there' },
    } as unknown as Hypervisor,
    journal,
    clock,
    turns: new Turns(),
    removal: {
      arrange: async () => target,
      callOff: () => {},
      handOver: async (to) => {
        if (refusals++ === 0) throw new GridError('away', 'not now', { retryable: true });
        taken.push(to);
      },
    },
    onProgress: () => {},
  });
  expect(await recovered()).toMatchObject([{ outcome: 'done' }]);
  expect(taken).toEqual(['b']);
});

test('while libvirt of one side cannot be asked, a migration is not over', async () => {
  act = async () => {
    throw new HypervisorUnavailable('which side runs it is unknown', 'ask again');
  };
  whose = 'there';
  expect(await operations.run(migrate, domain)).toMatchObject({ outcome: 'done' });
  expect(others).toEqual(['arrange b', 'hand j over to b']);

  others = [];
  act = async () => ({ outcome: 'returned', from: 'a', why: 'the target is gone', unsettled: true });
  whose = 'here';
  expect(await operations.run(migrate, domain)).toMatchObject({ outcome: 'failed' });
  await settle();
  expect(others).toEqual(['arrange b', 'call j off at b']);
  expect(await journal.open()).toEqual([]);
});
