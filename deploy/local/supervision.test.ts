/** A daemon that dies is started again, later and later, until it is given up or stopped. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Supervision } from './supervision.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function daemon(pid: number) {
  const state = { alive: true };
  return { pid, state, running: async () => state.alive };
}

describe('a supervised daemon', () => {
  it('that runs is left alone', async () => {
    const start = vi.fn();
    const care = new Supervision({ name: 'd', daemon: daemon(1), start, warn: () => {} });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(start).not.toHaveBeenCalled();
    await care.stop();
  });

  it('that died is started again, with a warning', async () => {
    const [first, second] = [daemon(1), daemon(2)];
    const warn = vi.fn();
    const care = new Supervision({ name: 'd', daemon: first, start: async () => second, warn });
    first.state.alive = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(warn.mock.calls).toEqual([['d (pid 1) had died and was started again (pid 2)']]);
    expect(await care.stop()).toBe(second);
  });

  it('is looked at sooner when something hints at its death', async () => {
    const first = daemon(1);
    const start = vi.fn(async () => daemon(2));
    const care = new Supervision({ name: 'd', daemon: first, start, warn: () => {} });
    first.state.alive = false;
    care.look();
    await vi.advanceTimersByTimeAsync(1);
    expect(start).toHaveBeenCalledTimes(1);
    await care.stop();
  });

  it('that cannot be started is tried again ever more rarely, whatever hints there are', async () => {
    const first = daemon(1);
    const start = vi.fn(() => Promise.reject(new Error('no port')));
    const warn = vi.fn();
    const care = new Supervision({ name: 'd', daemon: first, start, warn });
    first.state.alive = false;
    for (let tick = 0; tick < 600; tick++) {
      care.look();
      await vi.advanceTimersByTimeAsync(100);
    }
    // 1 s, then after 0.2, 0.4, ... 6.4 s, then every 10 s of the minute.
    expect(start.mock.calls.length).toBeGreaterThan(6);
    expect(start.mock.calls.length).toBeLessThan(14);
    expect(warn).toHaveBeenLastCalledWith('d (pid 1) has died and cannot be started again yet: no port');
    await care.stop();
  });

  it('is not started again after the end of supervision, and a start under way is waited for', async () => {
    const [first, second] = [daemon(1), daemon(2)];
    const { promise, resolve } = Promise.withResolvers<typeof second>();
    const care = new Supervision({ name: 'd', daemon: first, start: () => promise, warn: () => {} });
    first.state.alive = false;
    await vi.advanceTimersByTimeAsync(1_000);
    const stopped = care.stop();
    resolve(second);
    expect(await stopped).toBe(second);
    second.state.alive = false;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(vi.getTimerCount()).toBe(0);
  });
});
