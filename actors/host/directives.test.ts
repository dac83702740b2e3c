/** Directives: in order per domain, domains side by side, and every end is a settlement. */
import { describe, expect, test } from 'vitest';
import { TestClock } from '../../test/conformance/hypervisor-test-clock.ts';
import { DirectiveQueue } from './directives.ts';
import { HypervisorError } from './errors.ts';
import type { Directive } from './messages.ts';
import type { Hypervisor } from './port/mod.ts';
import { Turns } from './turns.ts';

const directive = (more: Partial<Directive> = {}): Directive => ({
  id: 'd',
  jobId: 'j',
  domain: 'one',
  resource: 'cores',
  from: 1,
  to: 2,
  reason: { rule: 'forecast', use: 1, demand: 2 },
  at: 0,
  ...more,
});

/** Each call waits to be ended by the test. */
function start() {
  const clock = new TestClock();
  const calls: { readonly call: string; readonly end: (error?: Error) => void }[] = [];
  const begin = (call: string, result?: number) => {
    const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
    calls.push({ call, end: (error) => (error === undefined ? resolve(result) : reject(error)) });
    return promise;
  };
  const hypervisor = {
    setCores: (name: string, cores: number) => begin(`${name} cores ${cores}`),
    setVcpus: (name: string, vcpus: number) => begin(`${name} vcpus ${vcpus}`),
    setMemory: (name: string, memoryMiB: number) => begin(`${name} memory ${memoryMiB}`, memoryMiB + 1),
  };
  const queue = new DirectiveQueue(hypervisor as unknown as Hypervisor, clock, new Turns());
  return { clock, calls, queue, names: () => calls.map(({ call }) => call) };
}
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

test('in order for one domain, side by side for two', async () => {
  const { calls, names, queue } = start();
  const first = queue.apply(directive(), 2);
  const second = queue.apply(directive({ resource: 'vcpus' }), 2);
  void queue.apply(directive({ domain: 'two' }), 2);
  await settle();
  expect(names()).toEqual(['one cores 2', 'two cores 2']);
  calls[0]!.end();
  await first;
  await settle();
  expect(names()).toEqual(['one cores 2', 'two cores 2', 'one vcpus 2']);
  calls[2]!.end();
  expect(await second).toMatchObject({ outcome: 'applied', granted: 2 });
});

test('a failure is a settlement, and those behind it go on', async () => {
  const { calls, queue } = start();
  const first = queue.apply(directive(), 2);
  const second = queue.apply(directive({ to: 3 }), 3);
  await settle();
  calls[0]!.end(new HypervisorError('no', { hint: 'ask again' }));
  expect(await first).toMatchObject({
    outcome: 'failed',
    granted: 1,
    error: { code: 'hypervisor-error', hint: 'ask again' },
  });
  await settle();
  calls[1]!.end();
  expect(await second).toMatchObject({ outcome: 'applied', granted: 3 });
});

describe('what is granted', () => {
  test.each([
    ['all of it', directive(), 2, { outcome: 'applied', granted: 2 }],
    ['a part', directive(), 1.5, { outcome: 'partial', granted: 1.5 }],
    ['less than before', directive({ from: 2, to: 1 }), 1, { outcome: 'applied', granted: 1 }],
    [
      'what the device rounds it to',
      directive({ resource: 'memoryMiB', from: 128, to: 201 }),
      201,
      { outcome: 'applied', granted: 202 },
    ],
  ])('%s', async (_, asked, grant, settlement) => {
    const { calls, queue, clock } = start();
    const settled = queue.apply(asked, grant);
    await settle();
    clock.advance(30);
    calls[0]!.end();
    expect(await settled).toEqual({ directive: asked, ...settlement, tookMs: 30, at: 30 });
  });

  test('nothing: refused without a call', async () => {
    const { names, queue } = start();
    expect(await queue.apply(directive(), 1)).toMatchObject({
      outcome: 'refused',
      granted: 1,
      error: { code: 'no-room', retryable: true },
    });
    expect(names()).toEqual([]);
  });
});
