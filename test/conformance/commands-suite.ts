/** What every driver of the CommandLog port must do. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  addressOf,
  type CommandLog,
  partitionOf,
  redrive,
  startCourier,
  systemClock,
} from '../../runtime/mod.ts';
import { until } from '../support/until.ts';
import { collect, command, textsOf } from './commands-collect.ts';
import { commandLogLaterSuite } from './commands-later-suite.ts';

export interface CommandLogDriver {
  start(): Promise<void>;
  /** An empty log. */
  open(partitions: number): Promise<CommandLog>;
  stop(): Promise<void>;
  /** Milliseconds since the epoch, as the log counts them. Default the machine's. */
  now?(): number;
}

export function commandLogSuite(name: string, driver: CommandLogDriver): void {
  describe(`${name} log of commands`, () => {
    let log: CommandLog;
    beforeAll(() => driver.start());
    afterAll(() => driver.stop());
    beforeEach(async () => {
      log = await driver.open(2);
    });
    commandLogLaterSuite(
      () => log,
      () => driver.now?.() ?? Date.now(),
    );
    const appendAll = async (to: string, count: number) => {
      for (let i = 0; i < count; i++) await log.append(command(to, `${to}-${i}`));
    };

    test('hands over what was stored before and what comes, in order', async () => {
      const to = addressOf('job', 'a');
      await appendAll('a', 20);
      const reader = await collect(log, partitionOf(to, 2));
      await until(() => reader.taken.length === 20);
      await log.append(command('a', 'last'));
      await until(() => reader.taken.length === 21);
      expect(textsOf(reader.taken)).toEqual([...Array.from({ length: 20 }, (_, i) => `a-${i}`), 'last']);
      expect(reader.taken[0]).toMatchObject({ to, id: 'a-0' });
      const seqs = reader.taken.map(({ seq }) => seq);
      expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
      expect(new Set(seqs).size).toBe(21);
      expect(new Set(reader.taken.map(({ log }) => log)).size).toBe(1);
      await reader.close();
    });

    test('keeps partitions apart', async () => {
      const keys = Array.from({ length: 30 }, (_, i) => `k${i}`);
      for (const key of keys) await log.append(command(key, key));
      const readers = [await collect(log, 0), await collect(log, 1)];
      await until(() => readers.flatMap(({ taken }) => taken).length === 30);
      for (const [partition, { taken, close }] of readers.entries()) {
        const own = keys.filter((key) => partitionOf(addressOf('job', key), 2) === partition);
        expect(textsOf(taken)).toEqual(own);
        await close();
      }
      await expect(collect(log, 2)).rejects.toMatchObject({ code: 'no-such-partition', field: 'partition' });
    });

    test('stores the same id once', async () => {
      await log.append(command('a', 'one'));
      await log.append(command('a', 'one'));
      await log.append(command('a', 'two'));
      const reader = await collect(log, partitionOf(addressOf('job', 'a'), 2));
      await until(() => reader.taken.length === 2);
      expect(textsOf(reader.taken)).toEqual(['one', 'two']);
      await reader.close();
    });

    test('refuses what would not fit into a dead letter', async () => {
      const data = new Uint8Array(1024 * 1024 - 1024);
      const appended = log.append({ id: 'big', to: addressOf('job', 'a'), data });
      await expect(appended).rejects.toMatchObject({ code: 'payload-too-large' });
    });

    test('hands over no more than may be in flight', async () => {
      const partition = partitionOf(addressOf('job', 'a'), 2);
      await appendAll('a', 40);
      const reader = await collect(log, partition, { inFlight: 4 });
      for (let settled = 0; settled < 40; settled++) {
        const taken = await until(() => reader.taken[settled]);
        expect(reader.taken.length).toBeLessThanOrEqual(settled + 4);
        await taken.settle();
      }
      expect(textsOf(reader.taken)).toHaveLength(40);
      await reader.close();
    });

    test('hands what is unsettled to the next reader, and nothing more to the one before', async () => {
      const partition = partitionOf(addressOf('job', 'a'), 2);
      await appendAll('a', 10);
      const first = await collect(log, partition);
      await until(() => first.taken.length === 10);
      for (const taken of first.taken.slice(0, 3)) await taken.settle();
      // Out of order too: the sixth.
      await first.taken[5]?.settle();
      const second = await collect(log, partition);
      await until(() => second.taken.length === 6);
      expect(textsOf(second.taken)).toEqual(['a-3', 'a-4', 'a-6', 'a-7', 'a-8', 'a-9']);
      await until(() => first.reason?.code === 'commands-taken-over');
      await first.taken[3]?.settle();
      await log.append(command('a', 'new'));
      await until(() => second.taken.length === 7);
      expect(first.taken).toHaveLength(10);
      await second.close();
      // What the replaced reader settled counts for nothing.
      const third = await collect(log, partition);
      await until(() => third.taken.length === 7);
      expect(textsOf(third.taken)[0]).toBe('a-3');
      for (const taken of third.taken) await taken.settle();
      await third.close();
      const fourth = await collect(log, partition);
      await log.append(command('a', 'only'));
      await until(() => fourth.taken.length > 0);
      expect(textsOf(fourth.taken)).toEqual(['only']);
      await fourth.close();
    });

    test('of several readers that open at once one is left', async () => {
      const partition = partitionOf(addressOf('job', 'a'), 2);
      const readers = await Promise.all(Array.from({ length: 4 }, () => collect(log, partition)));
      await until(() => readers.filter(({ reason }) => reason === undefined).length === 1);
      await log.append(command('a', 'x'));
      const left = readers.find(({ reason }) => reason === undefined);
      await until(() => left?.taken.length === 1);
      for (const { close } of readers) await close();
    });

    test('keeps dead letters, lists them by kind and page, removes them', async () => {
      const partition = partitionOf(addressOf('job', 'a'), 2);
      await appendAll('a', 3);
      const { taken, close } = await collect(log, partition);
      await until(() => taken.length === 3);
      const error = { code: 'bad', message: 'it is bad', field: 'x' };
      for (const [i, one] of taken.entries()) {
        const to = i === 2 ? 'host/h' : one.to;
        const burial = { command: { ...one, to }, error, attempts: 5, firstAt: 1, lastAt: 2 };
        await log.bury(burial);
        await log.bury(burial);
      }
      await close();
      const { letters, next } = await log.deadLetters();
      expect(next).toBeUndefined();
      expect(letters.map(({ seq }) => seq)).toEqual([1, 2, 3]);
      expect(letters[0]).toMatchObject({ error, attempts: 5, firstAt: 1, lastAt: 2, command: { id: 'a-0' } });
      expect(letters[0]?.command.data).toEqual(command('a', 'a-0').data);
      const page = await log.deadLetters({ limit: 2 });
      expect(page).toMatchObject({ letters: [{ seq: 1 }, { seq: 2 }], next: 2 });
      expect((await log.deadLetters({ after: 2 })).letters).toMatchObject([{ seq: 3 }]);
      expect((await log.deadLetters({ kind: 'host' })).letters).toMatchObject([{ seq: 3 }]);
      expect((await log.deadLetters({ kind: 'none' })).letters).toEqual([]);
      await log.removeDeadLetter(1);
      await log.removeDeadLetter(1);
      expect(await log.deadLetter(1)).toBeUndefined();
      expect(await log.deadLetter(2)).toMatchObject({ seq: 2, command: { id: 'a-1' } });
    });

    test('a command that fails for good is buried with its reason, and delivered when it is redriven', async () => {
      let broken = true;
      const delivered: string[] = [];
      const courier = await startCourier({
        log,
        partition: partitionOf(addressOf('job', 'a'), 2),
        deliver: async ({ type }) => {
          if (broken && type === 'a-1') throw new Error('no such thing');
          delivered.push(type);
        },
        clock: systemClock,
        random: () => 0,
        attempts: 3,
      });
      await appendAll('a', 3);
      await until(() => delivered.includes('a-2'));
      expect(delivered).toEqual(['a-0', 'a-2']);
      const [letter] = (await log.deadLetters()).letters;
      expect(letter).toMatchObject({
        error: { code: 'internal', message: 'no such thing' },
        attempts: 3,
        command: { to: 'job/a', id: 'a-1', data: command('a', 'a-1').data },
      });
      expect(courier.stats).toEqual({ delivered: 2, retried: 2, buried: 1, waiting: 0 });
      broken = false;
      const seq = letter?.seq ?? 0;
      // As if the process that redrove it had died before it removed the letter: once is enough.
      const { lastAt = 0 } = letter ?? {};
      await log.append({ ...command('a', 'a-1'), id: `redrive-${seq}-${lastAt}` });
      expect(await redrive(log, seq)).toBe(true);
      expect(await redrive(log, seq)).toBe(false);
      await log.append(command('a', 'end'));
      await until(() => delivered.includes('end'));
      expect(delivered).toEqual(['a-0', 'a-2', 'a-1', 'end']);
      expect((await log.deadLetters()).letters).toEqual([]);
      await courier.stop();
    });
  });
}
