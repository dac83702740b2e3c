/** Workers on a real thread: calls, cancellation, orderly end, crash. */
import { describe, expect, test } from 'vitest';
import { Cancelled, WorkerExited } from '../errors.ts';
import type { EchoContract } from './echo.worker.ts';
import { spawnWorker } from './mod.ts';

const start = () =>
  spawnWorker<EchoContract>(new URL('./echo.worker.ts', import.meta.url), {
    name: 'echo',
    workerData: { seed: 7 },
  });

describe('a worker', () => {
  test('answers calls, sends events, ends in order', async () => {
    const port = start();
    const started = new Promise((resolve) => port.on('started', resolve));
    expect(await started).toEqual({ given: { seed: 7 } });
    const values = new Float64Array([1, 2, 3]);
    const doubled = await port.call('double', values, { transfer: [values.buffer] });
    expect([...doubled]).toEqual([2, 4, 6]);
    expect(values.length).toBe(0);
    await expect(port.call('refuse', 'size')).rejects.toMatchObject({
      code: 'internal',
      message: 'size is not right',
    });
    const exit = new Promise((resolve) => port.onExit(resolve));
    await port.close();
    expect(await exit).toEqual({ code: 0 });
    await expect(port.call('double', new Float64Array())).rejects.toThrow(WorkerExited);
  });

  test('finishes what it is doing before it ends', async () => {
    const port = start();
    const gate = new SharedArrayBuffer(4);
    const waiting = port.call('wait', gate);
    const last = port.call('double', new Float64Array([4]));
    const closed = port.close();
    expect([...(await last)]).toEqual([8]);
    Atomics.store(new Int32Array(gate), 0, 1);
    Atomics.notify(new Int32Array(gate), 0);
    expect(await waiting).toBe('waited');
    await closed;
  });

  test('hears that a caller gave up', async () => {
    const port = start();
    const gate = new SharedArrayBuffer(4);
    const controller = new AbortController();
    const cancelled = new Promise((resolve) => port.on('cancelled', resolve));
    const waiting = port.call('wait', gate, { signal: controller.signal });
    await port.call('double', new Float64Array([1]));
    controller.abort();
    await expect(waiting).rejects.toThrow(Cancelled);
    expect(await cancelled).toEqual({ reason: 'asked' });
    Atomics.store(new Int32Array(gate), 0, 1);
    Atomics.notify(new Int32Array(gate), 0);
    await port.close();
  });

  test('that crashes rejects what it was asked', async () => {
    const port = start();
    const exit = new Promise((resolve) => port.onExit(resolve));
    await expect(port.call('crash', 'boom')).rejects.toMatchObject({
      code: 'worker-exited',
      message: /boom/,
    });
    expect(await exit).toMatchObject({
      error: expect.objectContaining({ message: expect.stringContaining('boom') }),
    });
    await port.close();
  });
});
