/** The state stream: its clock, its budget, what it does to a slow reader, and how it ends. */
import { expect, test } from 'vitest';
import { TestClock } from '../../../test/conformance/hypervisor-test-clock.ts';
import { CapabilityMissing, DomainNotFound } from '../errors.ts';
import type { StateFrame, StateSource, StateStreamOptions } from './state.ts';
import { openStateStream } from './state-stream.ts';

/** A VM whose answers take as long as told, in a time that the test moves. */
function start(
  options: StateStreamOptions = {},
  costs: { registers?: number; page?: number; devices?: number } = {},
) {
  const clock = new TestClock();
  const asked: string[] = [];
  let disposed = 0;
  const faults: { registers?: Error; page?: Error } = {};
  const take = async <T>(what: string, ms: number, value: T): Promise<T> => {
    asked.push(what);
    clock.advance(ms);
    return value;
  };
  const source: StateSource = {
    domain: 'a',
    memoryRanges: async () => [{ address: 0x100000, bytes: 1 << 20 }],
    registers: async () => {
      if (faults.registers) throw faults.registers;
      return take('registers', costs.registers ?? 0, { columns: ['RIP'], values: new BigUint64Array([7n]) });
    },
    page: async (address, bytes) => {
      if (faults.page) throw faults.page;
      return take(`page ${address}`, costs.page ?? 0, new Uint8Array(bytes));
    },
    devices: () => take('devices', costs.devices ?? 0, { blocks: [{ name: 'vda' }], interfaces: [] }),
    dirtyRate: (seconds) => take('dirtyRate', 0, { mibPerSecond: 5, seconds }),
    [Symbol.asyncDispose]: async () => {
      disposed++;
    },
  };
  const stream = openStateStream(source, clock, options);
  /** Lets what is under way go on, moving time when it waits. */
  const read = async (): Promise<StateFrame | undefined> => {
    let result: IteratorResult<StateFrame> | undefined;
    const reading = stream.next().then((next) => {
      result = next;
    });
    for (let step = 0; result === undefined && step < 1000; step++) {
      await settle();
      if (result === undefined) clock.advance(10);
    }
    await reading;
    return result?.done ? undefined : result?.value;
  };
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 10) {
      clock.advance(10);
      await settle();
    }
  };
  return { clock, stream, read, pass, asked, faults, disposed: () => disposed };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve();
}

test('a frame has all parts, at the rate that was asked for', async () => {
  const { read, stream, clock, asked, disposed } = start({ intervalMs: 100, pagesPerFrame: 3 });
  clock.advance(40);
  expect(asked).toEqual([]);
  const frames = [(await read())!, (await read())!, (await read())!];
  expect(frames.map(({ t, sequence, dropped }) => [t, sequence, dropped])).toEqual([
    [40, 1, 0],
    [140, 2, 0],
    [240, 3, 0],
  ]);
  const [first] = frames;
  expect(first).toMatchObject({
    domain: 'a',
    registers: { columns: ['RIP'], values: new BigUint64Array([7n]) },
    blocks: [{ name: 'vda' }],
    interfaces: [],
    dirtyRate: { mibPerSecond: 5, seconds: 1 },
  });
  const addresses = frames.flatMap(({ pages }) => pages!.map(({ address }) => address));
  expect(new Set(addresses).size).toBe(9);
  expect(addresses.every((at) => at >= 0x100000 && at < 0x200000 && at % 4096 === 0)).toBe(true);
  await stream.return!();
  expect(disposed()).toBe(1);
  expect(await read()).toBeUndefined();
});

test('only the parts that were asked for', async () => {
  const { read, asked } = start({ parts: ['devices'] });
  expect(Object.keys((await read())!).sort()).toEqual(
    ['blocks', 'costMs', 'domain', 'dropped', 'interfaces', 'sequence', 't'].sort(),
  );
  expect(asked).toEqual(['devices']);
});

test('monitor time stays within the budget: the important parts first, ticks without any are counted', async () => {
  const costs = { registers: 10, page: 10, devices: 10 };
  const options = {
    intervalMs: 100,
    budgetMsPerSecond: 150,
    parts: ['registers', 'devices', 'pages'] as const,
  };
  const { read, stream, clock } = start(options, costs);
  const frames: StateFrame[] = [];
  while (clock.now() < 20_000) frames.push((await read())!);
  const { costMsPerSecond, partsLeftOut, costMs } = stream.report;
  // The bucket that was full at the beginning is over the long run nothing.
  expect(costMs).toBeLessThanOrEqual(150 * 21 + 30);
  expect(costMsPerSecond).toBeGreaterThan(130);
  expect(frames.reduce((sum, frame) => sum + frame.costMs, 0)).toBe(costMs);
  const late = frames.slice(20);
  expect(late.every(({ registers }) => registers !== undefined)).toBe(true);
  expect(late.filter(({ blocks }) => blocks !== undefined).length).toBeGreaterThan(late.length / 3);
  expect(late.some(({ pages }) => pages !== undefined)).toBe(false);
  expect(partsLeftOut.pages).toBeGreaterThan(partsLeftOut.devices);
});

test('what costs more than a second has may run when all of a second is there', async () => {
  const { read, stream, clock } = start(
    { intervalMs: 50, budgetMsPerSecond: 10, parts: ['registers'] },
    { registers: 40 },
  );
  const times: number[] = [];
  while (clock.now() < 30_000) times.push((await read())!.t);
  expect(times.length).toBeGreaterThan(4);
  expect(stream.report.costMs).toBeLessThanOrEqual((clock.now() / 1000 + 1) * 10 + 40);
  expect(stream.report.droppedForBudget).toBeGreaterThan(100);
});

test('a look that takes longer than a tick drops the ticks that it missed', async () => {
  const { read } = start(
    { intervalMs: 100, budgetMsPerSecond: 1000, parts: ['registers'] },
    { registers: 250 },
  );
  const frames = [(await read())!, (await read())!];
  expect(frames.map(({ t, dropped }) => [t, dropped])).toEqual([
    [0, 0],
    [300, 2],
  ]);
});

test('while a slow reader has frames to take none are made, and it is told how many there would have been', async () => {
  const { read, pass, stream, asked } = start({ intervalMs: 100, parts: ['registers'] });
  await read();
  await pass(1000);
  // One was made ahead.
  expect(asked.length).toBe(2);
  expect(stream.report).toMatchObject({ frames: 2, droppedForReader: 9, droppedForBudget: 0 });
  expect(await read()).toMatchObject({ sequence: 2, dropped: 0 });
  expect(await read()).toMatchObject({ sequence: 3, dropped: 9 });
});

test('ends when the reader leaves, and asks nothing more', async () => {
  const { stream, read, pass, asked, disposed } = start({ intervalMs: 100, parts: ['registers'] });
  for await (const _ of stream) break;
  expect(disposed()).toBe(1);
  await pass(1000);
  expect(asked.length).toBe(1);
  expect(await read()).toBeUndefined();
});

test('ends when the signal aborts, while a reader waits and before anybody reads', async () => {
  const abort = new AbortController();
  const { stream, pass, disposed } = start({ parts: ['registers'], signal: abort.signal });
  await stream.next();
  const waiting = stream.next();
  await pass(50);
  abort.abort();
  expect(await waiting).toEqual({ done: true, value: undefined });
  expect(await stream.next()).toEqual({ done: true, value: undefined });
  expect(disposed()).toBe(1);
  const never = start({ signal: abort.signal });
  expect((await never.stream.next()).done).toBe(true);
  expect([never.asked, never.disposed()]).toEqual([[], 1]);
});

test('ends with the VM', async () => {
  const { read, faults, disposed } = start();
  await read();
  faults.registers = new DomainNotFound('a');
  expect(await read()).toBeUndefined();
  expect(disposed()).toBe(1);
});

test('an error is told once, and ends it', async () => {
  const { read, faults, disposed } = start();
  await read();
  faults.page = new Error('broken');
  await expect(read()).rejects.toThrow('broken');
  expect(await read()).toBeUndefined();
  expect(disposed()).toBe(1);
});

test('a part that the hypervisor lacks is asked for once', async () => {
  const { read, faults, stream } = start({ parts: ['registers', 'devices'] });
  faults.registers = new CapabilityMissing('registers', 'not here');
  const frames = [(await read())!, (await read())!];
  expect(frames.map(({ registers, blocks }) => [registers, blocks?.length])).toEqual([
    [undefined, 1],
    [undefined, 1],
  ]);
  expect(stream.report.partsLeftOut.registers).toBe(0);
});

test('options that cannot be are refused by name', () => {
  for (const field of ['intervalMs', 'budgetMsPerSecond', 'pagesPerFrame', 'buffer'] as const) {
    expect(() => start({ [field]: 0 })).toThrow(expect.objectContaining({ code: 'invalid-field', field }));
  }
});
