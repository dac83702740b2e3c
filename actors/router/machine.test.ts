/** The router: who is placed when, and who may go on once another job has ended. */
import { describe, expect, test } from 'vitest';
import { createActor } from 'xstate';
import type { HostView } from '../host/mod.ts';
import { routerMachine } from './machine.ts';
import type { RouterEffect, RouterMessage } from './messages.ts';

function start() {
  const effects: RouterEffect[] = [];
  const router = createActor(routerMachine);
  router.on('*', (effect) => effects.push(effect));
  router.start();
  return {
    send: (...messages: readonly RouterMessage[]) => {
      effects.length = 0;
      for (const message of messages) router.send(message);
      return [...effects];
    },
  };
}

const host = (cores: number, more: Partial<HostView> = {}): RouterMessage => ({
  type: 'host',
  host: {
    name: 'h',
    kind: 'simulated',
    version: 'simulated',
    pool: 'p',
    accepting: true,
    capacity: { cores: 4, memoryMiB: 1000 },
    free: { cores, memoryMiB: 1000 },
    domains: 0,
    ...more,
  },
});
const queue = (jobId: string, cores: number, priority = 50): RouterMessage => ({
  type: 'enqueue',
  jobs: [
    {
      jobId,
      pool: 'p',
      priority,
      submittedAt: 0,
      cores,
      memoryMiB: 10,
      maxCores: cores,
      maxMemoryMiB: 10,
    },
  ],
});
const finished = (jobId: string, completed = true): RouterMessage => ({ type: 'finished', jobId, completed });
const placed = (jobId: string) => ({ type: 'place', jobId, host: 'h' });

describe('placing', () => {
  test('waits for a host, then goes at once', () => {
    const { send } = start();
    expect(send(queue('a', 1))).toEqual([]);
    expect(send(host(4))).toEqual([placed('a')]);
    expect(send(queue('b', 1))).toEqual([placed('b')]);
  });

  test('books room until the host tells its own', () => {
    const { send } = start();
    expect(send(host(4), queue('a', 3), queue('b', 3))).toEqual([placed('a')]);
    expect(send(host(1))).toEqual([]);
    expect(send(host(4))).toEqual([placed('b')]);
  });

  test('gives booked room back when the job ends before the host has heard of it', () => {
    const { send } = start();
    send(host(4), queue('a', 4), queue('b', 4));
    expect(send(finished('a', false))).toEqual([placed('b')]);
  });

  test('a job that its host refused comes back and holds no room', () => {
    const { send } = start();
    send(host(4), queue('a', 4));
    expect(send(queue('a', 4))).toEqual([placed('a')]);
  });

  test('a job that ends in the queue lets those behind it move up', () => {
    const { send } = start();
    expect(send(host(2), queue('large', 4, 90), queue('small', 1))).toEqual([]);
    expect(send(finished('large', false))).toEqual([placed('small')]);
  });

  test('places nothing on a host that left', () => {
    const { send } = start();
    expect(send(host(4), { type: 'host-left', name: 'h' }, queue('a', 1))).toEqual([]);
    expect(send(host(4))).toEqual([placed('a')]);
  });
});

describe('waiting', () => {
  const wait = (jobId: string, ...dependencies: string[]): RouterMessage => ({
    type: 'await',
    jobId,
    dependencies,
  });

  test('asks about each dependency, which may have ended before', () => {
    const { send } = start();
    expect(send(wait('c', 'a', 'b'))).toEqual([
      { type: 'look-up', dependency: 'a' },
      { type: 'look-up', dependency: 'b' },
    ]);
  });

  test('goes on when the last of them has completed', () => {
    const { send } = start();
    send(wait('c', 'a', 'b'), wait('d', 'a'));
    expect(send(finished('a'))).toEqual([{ type: 'dependencies-met', jobId: 'd' }]);
    expect(send(finished('a'))).toEqual([]);
    expect(send(finished('b'))).toEqual([{ type: 'dependencies-met', jobId: 'c' }]);
  });

  test('fails with the first that failed, and is told once', () => {
    const { send } = start();
    send(wait('c', 'a', 'b'));
    expect(send(finished('b', false))).toEqual([{ type: 'dependency-failed', jobId: 'c', dependency: 'b' }]);
    expect(send(finished('a'))).toEqual([]);
  });

  test('ends with the job that waits', () => {
    const { send } = start();
    send(wait('c', 'a'), finished('c', false));
    expect(send(finished('a'))).toEqual([]);
  });
});
