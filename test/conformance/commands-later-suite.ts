/** What every driver of the CommandLog port must do with commands for later. */
import { describe, expect, test } from 'vitest';
import { addressOf, type CommandLog, partitionOf } from '../../runtime/mod.ts';
import { until } from '../support/until.ts';
import { collect, command } from './commands-collect.ts';

/** A driver may take so long after the time, ms. */
export const SOON_MS = 4_000;

const to = addressOf('job', 'a');

export const later = (id: string, at: number, key = 'a') => ({ ...command(key, id), at });

/** Takes and settles; keeps ids and when they came. */
export async function follow(log: CommandLog, now: () => number, partition = partitionOf(to, 2)) {
  const came: { readonly id: string; readonly at: number }[] = [];
  const reader = await log.open(partition, {
    take: ({ id, settle }) => {
      came.push({ id, at: now() });
      void settle();
    },
    onEnd: () => undefined,
  });
  return { came, ids: () => came.map(({ id }) => id), close: () => reader.close() };
}

/** Part of the suite of a driver: of `log` with two partitions, empty before each test. */
export function commandLogLaterSuite(logOf: () => CommandLog, now: () => number): void {
  describe('for later', () => {
    test('hands a command over not before its time and soon after; others do not wait for it', async () => {
      const log = logOf();
      const reader = await follow(log, now);
      const start = now();
      await log.append(later('second', start + 1_500));
      await log.append(later('first', start + 700));
      await log.append(command('a', 'at once'));
      await until(() => reader.came.length === 3);
      expect(reader.ids()).toEqual(['at once', 'first', 'second']);
      const [, first, second] = reader.came.map(({ at }) => at - start);
      expect(first).toBeGreaterThanOrEqual(700);
      expect(first).toBeLessThan(700 + SOON_MS);
      expect(second).toBeGreaterThanOrEqual(1_500);
      expect(second).toBeLessThan(1_500 + SOON_MS);
      await reader.close();
    });

    test('keeps what it is given: address, id, data', async () => {
      const log = logOf();
      const id = 'a b.c*>%/';
      await log.append({ ...later('x', now() + 100), id });
      const reader = await collect(log, partitionOf(to, 2));
      const taken = await until(() => reader.taken[0]);
      expect(taken).toMatchObject({ to, id });
      expect([...taken.data]).toEqual([...command('a', 'x').data]);
      await reader.close();
      const other = 'a b.c*>%';
      await log.append({ ...later('x', now() + 3_600_000), id: other });
      expect(await log.cancel({ id: 'a b.c>>%', to })).toBe(false);
      expect(await log.cancel({ id: other, to })).toBe(true);
    });

    test('in the past is at once', async () => {
      const log = logOf();
      const reader = await follow(log, now);
      const start = now();
      await log.append(later('past', start - 60_000));
      await log.append(later('past', start - 60_000));
      await until(() => reader.came.length > 0);
      expect((reader.came[0]?.at ?? 0) - start).toBeLessThan(SOON_MS);
      await log.append(later('end', now() + 300));
      await until(() => reader.ids().includes('end'));
      expect(reader.ids()).toEqual(['past', 'end']);
      await reader.close();
    });

    test('counts the same id once, and moves it when it is given another time', async () => {
      const log = logOf();
      const reader = await follow(log, now);
      const start = now();
      for (let i = 0; i < 3; i++) await log.append(later('once', start + 400));
      await log.append(later('sooner', start + 3_600_000));
      await log.append(later('sooner', start + 600));
      await log.append(later('there and back', start + 800));
      await log.append(later('there and back', start + 3_600_000));
      await log.append(later('there and back', start + 800));
      await log.append(later('end', start + 1_500));
      await until(() => reader.ids().includes('end'));
      expect(reader.ids()).toEqual(['once', 'sooner', 'there and back', 'end']);
      await reader.close();
    });

    test('is taken back while it waits, and only then; and may be given again, for the same time too', async () => {
      const log = logOf();
      const reader = await follow(log, now);
      const at = now() + 3_600_000;
      await log.append(later('never', at));
      await log.append(later('again', at));
      expect(await log.cancel({ id: 'never', to: addressOf('job', 'b') })).toBe(false);
      expect(await log.cancel({ id: 'never', to })).toBe(true);
      expect(await log.cancel({ id: 'never', to })).toBe(false);
      expect(await log.cancel({ id: 'unknown', to })).toBe(false);
      expect(await log.cancel({ id: 'again', to })).toBe(true);
      await log.append(later('again', at));
      expect(await log.cancel({ id: 'again', to })).toBe(true);
      await log.append(later('again', now() + 300));
      await until(() => reader.came.length > 0);
      expect(await log.cancel({ id: 'again', to })).toBe(false);
      await log.append(later('end', now() + 300));
      await until(() => reader.ids().includes('end'));
      expect(reader.ids()).toEqual(['again', 'end']);
      await reader.close();
    });

    test('comes to whoever reads when it is due', async () => {
      const log = logOf();
      const first = await follow(log, now);
      const start = now();
      await log.append(later('while nobody reads', start + 300));
      await log.append(later('to the next', start + 2_000));
      await first.close();
      await until(() => now() > start + 400);
      const second = await follow(log, now);
      await until(() => second.came.length === 2);
      expect(second.ids()).toEqual(['while nobody reads', 'to the next']);
      expect(first.came).toEqual([]);
      await second.close();
    });
  });
}
