/** A watcher on a clock of ours: filters, whole sequences, drops that are counted, and an end that leaves nothing. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SimulatedClock } from 'xstate';
import { type Address, addressOf } from '../address.ts';
import type { InspectionKind, InspectionRecord } from '../system/mod.ts';
import type { WatchQuery, WatchRecord } from './messages.ts';
import { Ring } from './ring.ts';
import { watchSystem } from './watch.ts';

function world() {
  const clock = new SimulatedClock();
  const listeners = new Set<(record: InspectionRecord) => void>();
  const ending = new AbortController();
  let serial = 0;
  return {
    clock: { ...clockOf(clock) },
    pass: (ms: number) => clock.increment(ms),
    listeners,
    ending,
    system: {
      node: 'n',
      inspect: (listener: (record: InspectionRecord) => void) => {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    },
    tell: (address: Address, kind: InspectionKind, more: Partial<InspectionRecord> = {}) => {
      serial += 1;
      for (const listener of listeners) listener({ id: `n-${serial}`, address, t: serial, kind, ...more });
    },
  };
}

function clockOf(clock: SimulatedClock) {
  return {
    now: () => clock.now(),
    setTimeout: (run: () => void, ms: number) => clock.setTimeout(run, ms),
    clearTimeout: (id: unknown) => clock.clearTimeout(id as number),
  };
}

async function open(given: ReturnType<typeof world>, query: WatchQuery = {}) {
  const watching = watchSystem(given.system, query, { clock: given.clock, signal: given.ending.signal });
  expect(await watching.next()).toEqual({ done: false, value: { node: 'n', records: [] } });
  return watching;
}

const a = addressOf('job', 'a');
const b = addressOf('shadow', 'b');
const ids = (records: readonly WatchRecord[]) =>
  records.map((record) => (record.kind === 'dropped' ? record.count : record.id));

describe('a watcher', () => {
  test('is shown what it asked for', async () => {
    const cases: [WatchQuery, string[]][] = [
      [{}, ['n-1', 'n-2', 'n-3']],
      [{ kinds: ['received'] }, ['n-1', 'n-3']],
      [{ addresses: ['shadow/*'] }, ['n-3']],
      [{ addresses: [a, 'host/*'] }, ['n-1', 'n-2']],
      [{ types: ['start'] }, ['n-1']],
    ];
    for (const [query, expected] of cases) {
      const given = world();
      const watching = await open(given, query);
      const next = watching.next();
      given.tell(a, 'received', { type: 'start' });
      given.tell(a, 'stored');
      given.tell(b, 'received', { type: 'end' });
      expect(ids((await next).value?.records ?? []), JSON.stringify(query)).toEqual(expected);
      await watching.return();
    }
  });

  test('that is slow is told where and how many records it missed, in order', async () => {
    const given = world();
    const watching = await open(given, { bound: 3 });
    for (let i = 0; i < 10; i++) given.tell(a, 'received');
    expect((await watching.next()).value?.records).toMatchObject([
      { kind: 'dropped', count: 7, t: 1 },
      { id: 'n-8' },
      { id: 'n-9' },
      { id: 'n-10' },
    ]);
  });

  test('gets a batch at most every 50 ms', async () => {
    const given = world();
    const watching = await open(given);
    given.tell(a, 'received');
    await watching.next();
    let second: unknown;
    void watching.next().then((step) => {
      second = step.value?.records;
    });
    given.tell(a, 'received');
    given.tell(a, 'received');
    await turn();
    given.pass(49);
    await turn();
    expect(second).toBeUndefined();
    given.pass(1);
    await turn();
    expect(second).toMatchObject([{ id: 'n-2' }, { id: 'n-3' }]);
  });

  test('is forgotten at once when it goes, waiting, pausing or reading', async () => {
    for (const stage of ['waiting', 'pausing', 'reading']) {
      const given = world();
      const watching = await open(given);
      expect(given.listeners.size).toBe(1);
      if (stage !== 'waiting') {
        given.tell(a, 'received');
        await watching.next();
      }
      const next = stage === 'reading' ? undefined : watching.next();
      given.ending.abort();
      expect(given.listeners.size, stage).toBe(0);
      expect(await (next ?? watching.next()), stage).toEqual({ done: true, value: undefined });
    }
    const given = world();
    const watching = await open(given);
    await watching.return();
    expect(given.listeners.size).toBe(0);
  });

  test('of a sample sees whole sequences, about as many as it asked for', async () => {
    const given = world();
    const watching = await open(given, { sample: 0.25 });
    for (let i = 0; i < 2_000; i++) {
      for (const kind of ['received', 'stored'] as const) {
        given.tell(a, kind, { cause: `n-1a2b-${i.toString(36)}` });
      }
    }
    const seen = new Map<string, number>();
    for (let left = true; left; ) {
      const next = watching.next();
      given.pass(50);
      await turn();
      given.pass(50);
      const records = (await next).value?.records ?? [];
      for (const record of records) {
        if (record.kind === 'dropped') throw new Error('dropped');
        seen.set(record.cause ?? '', (seen.get(record.cause ?? '') ?? 0) + 1);
      }
      left = records.length === 500;
    }
    expect([...seen.values()].every((count) => count === 2)).toBe(true);
    expect(seen.size).toBeGreaterThan(400);
    expect(seen.size).toBeLessThan(600);
  });
});

describe('a ring', () => {
  test('keeps the newest in order and counts the rest, whatever is pushed and taken', () => {
    const commands = fc.array(fc.oneof(fc.constant('push' as const), fc.integer({ min: 1, max: 9 })), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), commands, (bound, each) => {
        const ring = new Ring<number>(bound);
        let [pushed, seen] = [0, 0];
        for (const command of each) {
          if (command === 'push') ring.push(pushed++);
          else {
            const { items, dropped, oldestDropped } = ring.take(command);
            expect(oldestDropped).toBe(dropped > 0 ? seen : undefined);
            seen += dropped;
            for (const item of items) expect(item).toBe(seen++);
          }
        }
        const { items, dropped } = ring.take(bound);
        expect(seen + dropped + items.length).toBe(pushed);
        expect(ring.isEmpty).toBe(true);
      }),
    );
  });
});

/** Lets what is due happen. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
