/** A job's stay, on a guest that does what the test says: every way in which it begins and ends. */
import { beforeEach, describe, expect, test } from 'vitest';
import { TestClock } from '../../test/conformance/hypervisor-test-clock.ts';
import type { GuestAgent, GuestEvent, GuestJob } from './agent/mod.ts';
import { DomainExists, GuestUnreachable } from './errors.ts';
import type { Tenant } from './messages.ts';
import type { DomainStatus, Hypervisor, LifecycleEvent } from './port/mod.ts';
import { OUTPUT_KEPT, Tenancy, type TenancyOptions } from './tenancy.ts';

const allocation = { cores: 1, vcpus: 1, memoryMiB: 128 };
const tenant: Tenant = {
  jobId: 'j-1',
  domain: 'sg-j-1',
  image: 'tiny',
  command: 'work',
  allocation,
  limit: allocation,
};
const idle: GuestJob = { state: 'idle' };
const exited = (exitCode: number, outputBytes = 0): GuestJob => ({
  state: 'exited',
  id: 'j-1',
  outputBytes,
  exitCode,
  signal: 0,
});

let clock: TestClock;
let log: string[];
let told: { readonly type: string; readonly [more: string]: unknown }[];
let domains: DomainStatus[];
/** Of the guest. */
let job: GuestJob;
let output: string;
let silent: boolean;
let booted: PromiseWithResolvers<GuestAgent>;
let guestListeners: Set<(event: GuestEvent) => void>;
let hostListeners: Set<(event: LifecycleEvent) => void>;
let create: () => Promise<void>;

beforeEach(() => {
  clock = new TestClock();
  [log, told, domains, output, silent, job] = [[], [], [], '', false, idle];
  booted = Promise.withResolvers();
  [guestListeners, hostListeners] = [new Set(), new Set()];
  create = async () => {};
});

const answer = <T>(value: () => T) => {
  if (silent) throw new GuestUnreachable('sg-j-1', 'no answer');
  return value();
};
const agent = {
  async run(id: string, command: string) {
    log.push(`run ${id} ${command}`);
    job = { state: 'running', id, outputBytes: 0 };
  },
  job: async () => answer(() => job),
  output: async (offset: number, maxBytes: number) =>
    answer(() => ({ offset, data: new TextEncoder().encode(output.slice(offset, offset + maxBytes)) })),
  kill: async () => void log.push('kill'),
  onEvent(listener: (event: GuestEvent) => void) {
    guestListeners.add(listener);
    return () => guestListeners.delete(listener);
  },
} as unknown as GuestAgent;

const hypervisor = {
  list: async () => domains,
  async create() {
    log.push('create');
    await create();
  },
  async agent(_: string, { signal }: { signal: AbortSignal }) {
    const aborted = Promise.withResolvers<never>();
    signal.addEventListener('abort', () => aborted.reject(new GuestUnreachable('sg-j-1', 'gave up')));
    if (signal.aborted) throw new GuestUnreachable('sg-j-1', 'gave up');
    return await Promise.race([booted.promise, aborted.promise]);
  },
  consoleTail: async () => 'Kernel panic',
  onLifecycle(listener: (event: LifecycleEvent) => void) {
    hostListeners.add(listener);
    return () => hostListeners.delete(listener);
  },
} as unknown as Hypervisor;

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
const pass = async (ms: number) => {
  await settle();
  for (let passed = 0; passed < ms; passed += 500) {
    clock.advance(Math.min(500, ms - passed));
    await settle();
  }
};
const running = (state: DomainStatus['state'] = 'running') => {
  domains = [{ name: 'sg-j-1', jobId: 'j-1', state, allocation, limit: allocation }];
};
const text = (value: unknown) => new TextDecoder().decode(value as Uint8Array);

function stay(more: Partial<TenancyOptions> = {}): Tenancy {
  const event = (type: string) => (details: object) => void told.push({ type, ...details });
  return new Tenancy({
    hypervisor,
    tenant,
    image: { name: 'tiny', kernel: '/k', initrd: '/i' },
    mayCreate: true,
    clock,
    events: { started: event('started'), exited: event('exited'), lost: event('lost'), note: event('note') },
    ...more,
  });
}

/** A stay whose command runs. */
async function started(more: Partial<TenancyOptions> = {}): Promise<Tenancy> {
  const tenancy = stay(more);
  booted.resolve(agent);
  await tenancy.begin();
  return tenancy;
}

describe('begins', () => {
  test('by creating, booting and running', async () => {
    const tenancy = stay();
    const begun = tenancy.begin();
    await pass(3_000);
    expect(told).toEqual([]);
    booted.resolve(agent);
    await begun;
    expect(log).toEqual(['create', 'run j-1 work']);
    expect(told).toEqual([{ type: 'started', bootMs: 3_000, adopted: false, at: 3_000 }]);
  });

  test('by adopting a domain that runs the command already', async () => {
    running();
    job = { state: 'running', id: 'j-1', outputBytes: 5 };
    await started({ mayCreate: false });
    expect(log).toEqual([]);
    expect(told).toMatchObject([{ type: 'started', adopted: true }]);
  });

  test('by adopting one whose command ended meanwhile', async () => {
    running();
    [job, output] = [exited(0, 4), 'done'];
    await started({ mayCreate: false });
    expect(told).toMatchObject([{ type: 'started' }, { type: 'exited', exitCode: 0, outputBytes: 4 }]);
    expect(text(told[1]?.output)).toBe('done');
  });

  test('when another start was quicker', async () => {
    create = async () => {
      throw new DomainExists('sg-j-1');
    };
    await started();
    expect(told).toMatchObject([{ type: 'started' }]);
  });
});

describe('is lost', () => {
  const lost = (code: string) => [{ type: 'lost', error: { code } }];

  test('when its domain has vanished: it is not started twice', async () => {
    await started({ mayCreate: false });
    await settle();
    expect(log).toEqual([]);
    expect(told).toMatchObject(lost('domain-vanished'));
  });

  test('when its domain is there but dead', async () => {
    running('crashed');
    await started();
    await settle();
    expect(told).toMatchObject(lost('guest-unreachable'));
  });

  test('when it never boots: what its console says is told', async () => {
    const begun = stay({ bootDeadlineMs: 10_000 }).begin();
    await pass(9_500);
    expect(told).toEqual([]);
    await pass(500);
    await begun;
    await settle();
    expect(told).toMatchObject(lost('guest-unreachable'));
    const { message } = told[0]!.error as { message: string };
    expect(message).toContain('did not boot within 10 s');
    expect(message).toContain('Kernel panic');
  });

  test('when its agent stays silent for too long, and not before', async () => {
    await started({ silenceMs: 10_000 });
    silent = true;
    await pass(9_000);
    silent = false;
    await pass(4_000);
    silent = true;
    await pass(10_000);
    expect(told.length).toBe(1);
    await pass(4_000);
    expect(told.slice(1)).toMatchObject(lost('agent-silent'));
  });

  test.each(['stopped', 'crashed'] as const)('when its VM %s', async (event) => {
    await started();
    [job, output] = [{ state: 'running', id: 'j-1', outputBytes: 6 }, 'so far'];
    for (const listener of hostListeners) listener({ domain: 'other', event, detail: 'x' });
    for (const listener of hostListeners) listener({ domain: 'sg-j-1', event, detail: 'failed' });
    await settle();
    expect(told.slice(1)).toMatchObject([{ ...lost(`domain-${event}`)[0], outputBytes: 6 }]);
    expect(text(told[1]?.output)).toBe('so far');
  });

  test('when it runs longer than its deadline, and then its command is ended', async () => {
    await started({ tenant: { ...tenant, deadlineSeconds: 5 } });
    await pass(4_500);
    expect(told.length).toBe(1);
    await pass(2_000);
    expect(log.at(-1)).toBe('kill');
    expect(told.slice(1)).toMatchObject(lost('deadline-exceeded'));
  });

  test('by a deadline that counts from its first start, not from its adoption', async () => {
    clock.advance(60_000);
    running();
    job = { state: 'running', id: 'j-1', outputBytes: 0 };
    await started({ mayCreate: false, tenant: { ...tenant, deadlineSeconds: 5, startedAt: 57_000 } });
    await pass(2_000);
    expect(told).toMatchObject([{ type: 'started' }]);
    await pass(2_000);
    expect(told.slice(1)).toMatchObject(lost('deadline-exceeded'));
  });
});

describe('ends with its command', () => {
  test('at once when the guest says so, with its status and output', async () => {
    await started();
    [job, output] = [exited(3, 5), 'oops!'];
    for (const listener of guestListeners) listener({ type: 'exited', id: 'j-1', exitCode: 3, signal: 0 });
    await settle();
    expect(told.slice(1)).toMatchObject([{ type: 'exited', exitCode: 3, signal: 0, outputBytes: 5 }]);
    expect(text(told[1]?.output)).toBe('oops!');
  });

  test('at the next poll when the event was lost', async () => {
    await started();
    job = exited(0);
    await pass(2_000);
    expect(told.slice(1)).toMatchObject([{ type: 'exited', exitCode: 0 }]);
  });

  test('once, though both say so', async () => {
    await started();
    job = exited(0);
    for (const listener of guestListeners) listener({ type: 'exited', id: 'j-1', exitCode: 0, signal: 0 });
    await pass(6_000);
    expect(told.length).toBe(2);
  });

  test('keeping the end of a long output', async () => {
    await started();
    output = 'x'.repeat(OUTPUT_KEPT) + 'y'.repeat(1000);
    job = exited(0, output.length);
    await pass(2_000);
    const kept = text(told[1]?.output);
    expect(kept.length).toBe(OUTPUT_KEPT);
    expect(kept.endsWith('y'.repeat(1000))).toBe(true);
  });
});

test('passes on notes', async () => {
  await started();
  for (const listener of guestListeners) listener({ type: 'note', text: 'phase 1' });
  expect(told.slice(1)).toEqual([{ type: 'note', text: 'phase 1', at: 0 }]);
});

test('after leaving nothing is told any more, and nothing is being created', async () => {
  const gate = Promise.withResolvers<void>();
  create = () => gate.promise;
  const tenancy = stay();
  const begun = tenancy.begin();
  await settle();
  let left = false;
  void tenancy.leave().then(() => {
    left = true;
  });
  await settle();
  expect(left).toBe(false);
  gate.resolve();
  await begun;
  await settle();
  expect(left).toBe(true);
  expect(told).toEqual([]);
  expect(log).toEqual(['create']);
  expect(hostListeners.size).toBe(0);
});
