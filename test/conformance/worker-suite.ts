/** What every kind of worker does, on a thread or in a process, with permissions or without, on Node and Deno. */
import { expect, it } from 'vitest';
import { spawnWorker, type WorkerPort, type WorkerSpawnOptions } from '../../runtime/worker/mod.ts';
import type { ChoresContract } from './worker-chores.worker.ts';

export type Kind = Pick<WorkerSpawnOptions, 'isolation' | 'permissions'>;

export const CHORES = new URL('./worker-chores.worker.ts', import.meta.url);

export function workerSuite(kind: Kind): void {
  const start = () =>
    spawnWorker<ChoresContract>(CHORES, { name: 'chores', workerData: { seed: 7 }, ...kind });
  const numbers = (...values: number[]) => new Float64Array(values);

  it('answers calls, sends events, ends in order', async () => {
    const port = start();
    expect(await next(port, 'started')).toEqual({ given: { seed: 7 } });
    const values = numbers(1, 2, 3);
    expect(await port.call('double', values, { transfer: [values.buffer] })).toEqual(numbers(2, 4, 6));
    await expect(port.call('refuse', 'size')).rejects.toMatchObject({
      code: 'internal',
      message: 'size is not right',
    });
    const exit = exitOf(port);
    const last = next(port, 'closed');
    await port.close();
    expect(await last).toEqual({ calls: 1 });
    expect(await exit).toEqual({ code: 0 });
    await expect(port.call('double', numbers())).rejects.toMatchObject({ code: 'worker-exited' });
  });

  it('hears at once what it was asked before it was up', async () => {
    await using port = start();
    const doubled = [1, 2, 3].map((value) => port.call('double', numbers(value)));
    expect(await Promise.all(doubled)).toEqual([numbers(2), numbers(4), numbers(6)]);
  });

  it('finishes what it is doing before it ends', async () => {
    const port = start();
    const holding = next(port, 'holding');
    const held = port.call('hold', 'a');
    await holding;
    const doubled = port.call('double', numbers(4));
    const released = port.call('release', 'a');
    const closed = port.close();
    await expect(port.call('double', numbers())).rejects.toMatchObject({ code: 'worker-exited' });
    expect(await doubled).toEqual(numbers(8));
    await released;
    expect(await held).toBe('released');
    await closed;
  });

  it('hears that a caller gave up, and goes on', async () => {
    await using port = start();
    const controller = new AbortController();
    const holding = next(port, 'holding');
    const held = port.call('hold', 'a', { signal: controller.signal });
    await holding;
    controller.abort();
    await expect(held).rejects.toMatchObject({ code: 'cancelled' });
    await expect(port.call('double', numbers(), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(await port.call('double', numbers(1))).toEqual(numbers(2));
  });

  it('ends a call at its deadline, and goes on when the call does', async () => {
    await using port = start();
    await next(port, 'started');
    await expect(port.call('hold', 'a', { deadlineMs: 20 })).rejects.toMatchObject({
      code: 'deadline-exceeded',
    });
    expect(await port.call('double', numbers(1), { deadlineMs: 60_000 })).toEqual(numbers(2));
  });

  it('rejects what cannot be cloned, both ways, and goes on', async () => {
    await using port = start();
    const request = { double: () => {} } as unknown as Float64Array;
    await expect(port.call('double', request)).rejects.toMatchObject({
      code: 'malformed-message',
      field: 'request',
    });
    await expect(port.call('unclonable', undefined)).rejects.toMatchObject({
      message: /could not be cloned/,
    });
    expect(await port.call('double', numbers(1))).toEqual(numbers(2));
  });

  it('that crashes rejects what it was asked, with the reason', async () => {
    const port = start();
    const exit = exitOf(port);
    const held = port.call('hold', 'a');
    const crashed = port.call('crash', 'boom');
    await expect(crashed).rejects.toMatchObject({ code: 'worker-exited', message: /boom/ });
    await expect(held).rejects.toMatchObject({ code: 'worker-exited' });
    expect(await exit).toMatchObject({ error: { message: expect.stringContaining('boom') } });
    await port.close();
  });

  it('that ends by itself rejects what it was asked', async () => {
    const port = start();
    const exit = exitOf(port);
    await expect(port.call('exit', 3)).rejects.toMatchObject({ code: 'worker-exited' });
    expect(await exit).toMatchObject({ code: 3 });
  });

  it('whose module is missing has exited, and says which', async () => {
    const nowhere = new URL('./no-such.worker.ts', import.meta.url);
    const port = spawnWorker<ChoresContract>(nowhere, { name: 'nobody', ...kind });
    await expect(port.call('double', numbers())).rejects.toMatchObject({
      code: 'worker-exited',
      message: /nobody.*no-such\.worker\.ts/,
    });
  });
}

export function next<TName extends keyof ChoresContract['events']>(
  port: WorkerPort<ChoresContract>,
  name: TName,
): Promise<ChoresContract['events'][TName]> {
  return new Promise((resolve) => {
    const stop = port.on(name, (payload) => {
      stop();
      resolve(payload);
    });
  });
}

export const exitOf = (port: WorkerPort<ChoresContract>) =>
  new Promise((resolve) => port.onExit((exit) => resolve(exit)));
