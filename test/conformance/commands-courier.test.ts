/** Couriers that fail, wait and are replaced at any moment: each command applied once and in order, per address. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addressOf,
  type CommandLog,
  type Courier,
  GridError,
  MailboxFull,
  memoryCommandLog,
  startCourier,
  TransportClosed,
} from '../../runtime/mod.ts';
import { command } from './commands-collect.ts';
import { TestClock } from './hypervisor-test-clock.ts';

type Step =
  | { readonly do: 'append'; readonly key: string; readonly poison: boolean }
  | { readonly do: 'replace'; readonly how: 'stopped' | 'unaware' }
  | { readonly do: 'advance'; readonly ms: number };

/** What becomes of one delivery: fails, or is applied after `ms`, and then perhaps its answer is lost. */
interface Fate {
  readonly ms: number;
  readonly outcome: 'applied' | 'refused' | 'broken' | 'answer lost';
}

const key = fc.constantFrom('a', 'b', 'c');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('append' as const), key, poison: rarely() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('replace' as const),
      how: fc.constantFrom('stopped' as const, 'unaware' as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.nat(3_000) }) },
);
const fate: fc.Arbitrary<Fate> = fc.record({
  ms: fc.nat(400),
  outcome: fc.constantFrom('applied', 'applied', 'refused', 'broken', 'answer lost'),
});

function rarely(): fc.Arbitrary<boolean> {
  return fc.nat(9).map((n) => n === 0);
}

/** All microtasks have run. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Applies what is above its mark, as a cell does. */
class Actors {
  readonly applied = new Map<string, string[]>();
  readonly #marks = new Map<string, number>();

  apply(to: string, seq: number, type: string): void {
    if (seq <= (this.#marks.get(to) ?? 0)) return;
    this.#marks.set(to, seq);
    this.applied.set(to, [...(this.applied.get(to) ?? []), type]);
  }
}

/** The same log to a courier that is never told of its end: it goes on with what it has. */
function withoutEnd(log: CommandLog): CommandLog {
  return {
    partitions: log.partitions,
    append: (one) => log.append(one),
    cancel: (one) => log.cancel(one),
    open: (partition, options) => log.open(partition, { ...options, onEnd: () => undefined }),
    bury: (burial) => log.bury(burial),
    deadLetters: (query) => log.deadLetters(query),
    deadLetter: (seq) => log.deadLetter(seq),
    removeDeadLetter: (seq) => log.removeDeadLetter(seq),
  };
}

async function live(steps: readonly Step[], fates: readonly Fate[], inFlight: number) {
  const clock = new TestClock();
  const log = memoryCommandLog({ partitions: 1, clock });
  const actors = new Actors();
  const couriers: Courier[] = [];
  const appended = new Map<string, string[]>();
  const poison: string[] = [];
  let deliveries = 0;
  let healed = false;
  const start = async () => {
    const courier = await startCourier({
      log: withoutEnd(log),
      partition: 0,
      deliver: async ({ to, type }, { seq }) => {
        const { ms, outcome } = fates[deliveries++ % fates.length] ?? { ms: 0, outcome: 'applied' };
        await new Promise<void>((resolve) => clock.setTimeout(resolve, ms));
        if (poison.includes(type)) throw new Error('poison');
        if (!healed && outcome === 'refused') throw new MailboxFull(to, 1);
        if (!healed && outcome === 'broken') throw new GridError('no-responders', 'x', { retryable: true });
        actors.apply(to, seq, type);
        if (!healed && outcome === 'answer lost') throw new GridError('lost', 'x', { retryable: true });
      },
      clock,
      random: () => 0.5,
      attempts: 2,
      inFlight,
    });
    couriers.push(courier);
  };
  await start();
  for (const [i, one] of steps.entries()) {
    if (one.do === 'advance') clock.advance(one.ms);
    else if (one.do === 'replace') {
      if (one.how === 'stopped') void couriers.at(-1)?.stop();
      await start();
    } else {
      const text = `${one.key}-${i}`;
      const { to } = command(one.key, text);
      if (one.poison) poison.push(text);
      else appended.set(to, [...(appended.get(to) ?? []), text]);
      await log.append(command(one.key, text));
    }
    await settled();
  }
  healed = true;
  // Back-off is at most 30 s; what waits behind it follows at once.
  for (let i = 0; i < 400 && couriers.some(({ stats }) => stats.waiting > 0); i++) {
    clock.advance(1_000);
    await settled();
  }
  const { letters } = await log.deadLetters({ limit: 1_000 });
  const buried = new Set(letters.map((letter) => letter.command.id));
  const stopped = Promise.all(couriers.map((courier) => courier.stop()));
  clock.advance(1_000);
  await stopped;
  return { applied: actors.applied, appended, buried, poison };
}

describe('couriers on one log', () => {
  test('apply each command once and in order per address, whatever fails and whoever is replaced', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.array(fate, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 6 }),
        async (steps, fates, inFlight) => {
          const { applied, appended, buried, poison } = await live(steps, fates, inFlight);
          expect(Object.fromEntries(applied)).toEqual(Object.fromEntries(appended));
          expect([...buried].toSorted()).toEqual(poison.toSorted());
        },
      ),
      { numRuns: 200 },
    );
  });

  test('keep one address waiting and not the others', async () => {
    const clock = new TestClock();
    const log = memoryCommandLog({ partitions: 1, clock });
    const delivered: string[] = [];
    let down = true;
    const courier = await startCourier({
      log,
      partition: 0,
      deliver: async ({ to, type }) => {
        if (down && to === addressOf('job', 'a')) throw new MailboxFull(to, 1);
        delivered.push(type);
      },
      clock,
      random: () => 1,
    });
    for (const text of ['a-1', 'a-2', 'b-1', 'b-2']) await log.append(command(text.slice(0, 1), text));
    await settled();
    expect(delivered).toEqual(['b-1', 'b-2']);
    // 50 ms, doubling: tries at 50, 150, 350, ...
    for (let i = 0; i < 1_000; i++) {
      clock.advance(100);
      await settled();
    }
    const { retried, waiting, buried } = courier.stats;
    expect({ waiting, buried }).toEqual({ waiting: 2, buried: 0 });
    expect(retried).toBeGreaterThan(10);
    expect(retried).toBeLessThan(16);
    down = false;
    clock.advance(30_000);
    await settled();
    expect(delivered).toEqual(['b-1', 'b-2', 'a-1', 'a-2']);
    await courier.stop();
  });

  test('bury at once what is no envelope, or another one than its subject says', async () => {
    const clock = new TestClock();
    const log = memoryCommandLog({ partitions: 1, clock });
    const courier = await startCourier({
      log,
      partition: 0,
      deliver: () => Promise.reject(new Error('nothing is to be delivered')),
      clock,
      random: Math.random,
    });
    await log.append({ ...command('a', 'garbage'), data: new Uint8Array([1, 2, 3]) });
    await log.append({ ...command('a', 'stray'), to: addressOf('job', 'b') });
    await settled();
    const { letters } = await log.deadLetters();
    expect(letters).toMatchObject([
      { attempts: 1, error: { code: 'malformed-message' }, command: { to: 'job/a' } },
      { attempts: 1, error: { code: 'malformed-message', field: 'to' }, command: { to: 'job/b' } },
    ]);
    await courier.stop();
  });

  test('never bury a command because their own side is closing', async () => {
    const clock = new TestClock();
    const log = memoryCommandLog({ partitions: 1, clock });
    const courier = await startCourier({
      log,
      partition: 0,
      deliver: () => Promise.reject(new TransportClosed('ask job/a')),
      clock,
      random: Math.random,
      attempts: 1,
    });
    await log.append(command('a', 'a-1'));
    for (let i = 0; i < 20; i++) {
      await settled();
      clock.advance(1_000);
    }
    expect(courier.stats).toMatchObject({ buried: 0, waiting: 1 });
    await courier.stop();
    expect(courier.stats.waiting).toBe(0);
  });

  test('stop when another one takes over, and wait for what is under way', async () => {
    const clock = new TestClock();
    const log = memoryCommandLog({ partitions: 1, clock });
    const began: string[] = [];
    const options = { log, partition: 0, clock, random: Math.random };
    let finish = () => {};
    let ended: GridError | undefined;
    const courier = await startCourier({
      ...options,
      deliver: ({ type }) => {
        began.push(type);
        return new Promise((resolve) => {
          finish = resolve;
        });
      },
      onEnd: (reason) => {
        ended = reason;
      },
    });
    for (const text of ['a-1', 'a-2']) await log.append(command('a', text));
    await settled();
    await startCourier({ ...options, deliver: async () => undefined });
    await settled();
    expect(ended).toMatchObject({ code: 'commands-taken-over', retryable: true });
    let stopped = false;
    const stopping = courier.stop().then(() => {
      stopped = true;
    });
    await settled();
    expect(stopped).toBe(false);
    finish();
    await stopping;
    expect(began).toEqual(['a-1']);
    expect(courier.stats.waiting).toBe(0);
  });
});
