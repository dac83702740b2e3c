/** The host's books: who lives there, what is granted, what it tells of its room. */
import { describe, expect, test } from 'vitest';
import { createActor } from 'xstate';
import { freeRoom, grantOf, operationRefusal, refusal } from './decide.ts';
import { hostMachine } from './machine.ts';
import type { Directive, HostEffect, HostMessage, Settlement, Tenant } from './messages.ts';
import type { Operation, OperationReport } from './operations/mod.ts';
import type { HypervisorCapabilities } from './port/mod.ts';

const info = { hostname: 'h', cores: 4, memoryMiB: 1000, version: 'simulated' };
const capabilities = { kind: 'simulated' } as HypervisorCapabilities;
const tenant = (jobId: string, cores: number, memoryMiB = 100): Tenant => ({
  jobId,
  domain: `sg-${jobId}`,
  image: 'tiny',
  command: 'x',
  allocation: { cores, vcpus: 1, memoryMiB },
  limit: { cores: 4, vcpus: 4, memoryMiB: 1000 },
});
const opened = (...found: readonly Tenant[]): HostMessage => ({
  type: 'opened',
  info,
  capabilities,
  found: found.map(({ domain: name, jobId, allocation }) => ({ name, jobId, allocation })),
});
const ensure = (who: Tenant, mayCreate = true): HostMessage => ({ type: 'ensure', tenant: who, mayCreate });
const directive = (jobId: string, resource: Directive['resource'], from: number, to: number): Directive => ({
  id: 'd',
  jobId,
  domain: `sg-${jobId}`,
  resource,
  from,
  to,
  reason: { rule: 'forecast', use: from, demand: to },
  at: 0,
});
const settled = (of: Directive, granted: number): HostMessage => ({
  type: 'settled',
  settlement: { directive: of, outcome: 'applied', granted, tookMs: 1, at: 1 } satisfies Settlement,
});

function start(...messages: readonly HostMessage[]) {
  const effects: HostEffect[] = [];
  const host = createActor(hostMachine, { input: { name: 'h', pool: 'p' } });
  host.on('*', (effect) => effects.push(effect));
  host.start();
  const send = (...more: readonly HostMessage[]) => {
    effects.length = 0;
    for (const message of more) host.send(message);
    return [...effects];
  };
  send(...messages);
  return { send, context: () => host.getSnapshot().context, state: () => host.getSnapshot().value };
}

test('opens with what it finds running, and asks whether it is still wanted', () => {
  const { send, context } = start();
  const effects = send(opened(tenant('a', 1)));
  expect(effects).toMatchObject([
    { type: 'reconcile', residents: [{ jobId: 'a', domain: 'sg-a' }] },
    { type: 'announce', view: { accepting: true, domains: 1, free: { cores: 3, memoryMiB: 900 } } },
  ]);
  expect(context().residents.a).toMatchObject({ leaving: false });
});

describe('room', () => {
  test('is for who fits, and is told at once', () => {
    const { send, context } = start(opened());
    const effects = send(ensure(tenant('a', 3)));
    expect(effects).toMatchObject([{ type: 'ensure' }, { type: 'announce', view: { free: { cores: 1 } } }]);
    expect(refusal(context(), tenant('b', 2), true)).toMatchObject({ code: 'no-room', retryable: true });
    expect(refusal(context(), tenant('b', 1, 901), true)).toMatchObject({ code: 'no-room' });
    expect(refusal(context(), tenant('b', 1, 900), true)).toBeUndefined();
    expect(send(ensure(tenant('b', 2))).map((effect) => effect.type)).toEqual(['announce']);
  });

  test('is not asked of who lives here already, or is not to be created', () => {
    const { send, context } = start(opened(tenant('a', 4)));
    expect(refusal(context(), tenant('a', 4), true)).toBeUndefined();
    expect(refusal(context(), tenant('gone', 4), false)).toBeUndefined();
    expect(send(ensure(tenant('a', 4)))[0]).toMatchObject({ type: 'ensure' });
  });

  test('comes back once a domain is gone, not while it goes', () => {
    const { send, context } = start(opened(tenant('a', 4)));
    expect(send({ type: 'release', jobId: 'a' })).toEqual([{ type: 'release', jobId: 'a', domain: 'sg-a' }]);
    expect(freeRoom(context()).cores).toBe(0);
    expect(refusal(context(), tenant('a', 4), true)).toMatchObject({ code: 'job-leaving', retryable: true });
    expect(send({ type: 'released', jobId: 'a' })).toMatchObject([
      { type: 'announce', view: { free: { cores: 4 } } },
    ]);
    expect(send({ type: 'release', jobId: 'a' })).toEqual([]);
  });
});

describe('directives', () => {
  test('are granted as far as there is room, lowering always', () => {
    const { context } = start(opened(tenant('a', 1, 500), tenant('b', 2, 400)));
    const grant = (...args: Parameters<typeof directive>) => grantOf(context(), directive(...args));
    expect(grant('a', 'cores', 1, 1.5)).toBe(1.5);
    expect(grant('a', 'cores', 1, 3)).toBe(2);
    expect(grant('a', 'cores', 1, 0.5)).toBe(0.5);
    expect(grant('a', 'memoryMiB', 500, 900)).toBe(600);
    expect(grant('a', 'vcpus', 1, 4)).toBe(4);
    expect(grant('nobody', 'cores', 1, 3)).toBe(1);
  });

  test('two raises cannot both get the last of the room', () => {
    const { send } = start(opened(tenant('a', 1), tenant('b', 1)));
    const effects = send(
      { type: 'directive', directive: directive('a', 'cores', 1, 3) },
      { type: 'directive', directive: directive('b', 'cores', 1, 3) },
    );
    expect(effects).toMatchObject([
      { type: 'apply', grant: 3 },
      { type: 'apply', grant: 1 },
    ]);
  });

  test('that fail give their room back', () => {
    const raise = directive('a', 'cores', 1, 3);
    const { send } = start(opened(tenant('a', 1)), { type: 'directive', directive: raise });
    expect(send(settled(raise, 1))).toMatchObject([
      { type: 'settled' },
      { type: 'announce', view: { free: { cores: 3 } } },
    ]);
  });

  test('for a job that left change nothing', () => {
    const { send, context } = start(opened());
    send(settled(directive('a', 'cores', 1, 3), 3));
    expect(context().residents).toEqual({});
  });
});

test('takes nobody before it is open, while it cannot be reached, and when it drains', () => {
  const error = { code: 'hypervisor-unavailable', message: 'no' };
  const host = start();
  expect(host.send(ensure(tenant('a', 1)))).toEqual([]);
  expect(host.send({ type: 'unreachable', error })).toMatchObject([
    { type: 'announce', view: { accepting: false } },
  ]);
  expect(host.send(ensure(tenant('a', 1)))).toEqual([]);
  host.send(opened(tenant('a', 1)));
  expect(host.state()).toBe('ready');
  expect(host.context().error).toBeUndefined();
  expect(host.send({ type: 'drain' })).toMatchObject([
    { type: 'announce', view: { accepting: false, domains: 1 } },
  ]);
  expect(host.send(ensure(tenant('b', 1)))).toEqual([]);
  expect(host.send({ type: 'release', jobId: 'a' })).toMatchObject([{ type: 'release' }]);
});

describe('after an operation', () => {
  const report = (task: Operation['task'], more: Partial<OperationReport>): HostMessage => ({
    type: 'operated',
    report: {
      operation: { id: 'o', jobId: 'a', why: 'a test', task },
      ...{ domain: 'sg-a', outcome: 'done', tookMs: 1, at: 1 },
      ...more,
    },
  });
  const allocation = { cores: 2, vcpus: 2, memoryMiB: 300 };

  test('warm memory is taken until it is used or given back', () => {
    const { send, context } = start(opened(tenant('a', 1)));
    send(
      report({ kind: 'warm', vcpus: 2, memoryMiB: 300 }, { result: { warm: { vcpus: 1, memoryMiB: 200 } } }),
    );
    expect(freeRoom(context())).toEqual({ cores: 3, memoryMiB: 700 });
    send(report({ kind: 'cool' }, { result: {} }));
    expect(freeRoom(context())).toEqual({ cores: 3, memoryMiB: 900 });
    send(report({ kind: 'activate' }, { result: { allocation } }));
    expect(freeRoom(context())).toEqual({ cores: 2, memoryMiB: 700 });
  });

  test('no more memory is warmed than the host has', () => {
    const { context } = start(opened(tenant('a', 1)));
    const warm = (memoryMiB: number): Operation => ({
      ...{ id: 'w', jobId: 'a', why: 'a test' },
      task: { kind: 'warm', vcpus: 1, memoryMiB },
    });
    expect(operationRefusal(context(), warm(1_000))).toBeUndefined();
    expect(operationRefusal(context(), warm(1_001))).toMatchObject({ code: 'no-room', retryable: true });
  });

  test('a VM that moved away is gone from the books; one that came back, or was not moved, is not', () => {
    const { send, context } = start(opened(tenant('a', 1)));
    send(report({ kind: 'migrate', to: 'b' }, { outcome: 'failed' }));
    expect(Object.keys(context().residents)).toEqual(['a']);
    send(report({ kind: 'migrate', to: 'b' }, {}));
    expect(context().residents).toEqual({});
    expect(context().reports).toHaveLength(2);
  });
});
