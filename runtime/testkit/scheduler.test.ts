/** Virtual time: order, cancellation, and promises that settle before time goes on. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Scheduler } from './scheduler.ts';

test('runs by time, then in the order of asking, and leaves out what was cancelled', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ delay: fc.nat(50), cancelled: fc.boolean() }), { maxLength: 2_000 }),
      async (events) => {
        const scheduler = new Scheduler();
        const ran: number[] = [];
        const entries = events.map(({ delay }, index) => scheduler.after(delay, () => ran.push(index)));
        for (const [index, { cancelled }] of events.entries())
          if (cancelled) scheduler.cancel(entries[index]!);
        await scheduler.runUntil(100);
        const expected = events
          .map((event, index) => ({ ...event, index }))
          .filter(({ cancelled }) => !cancelled)
          .sort((a, b) => a.delay - b.delay || a.index - b.index);
        expect(ran).toEqual(expected.map(({ index }) => index));
        expect(scheduler.elapsed).toBe(100);
      },
    ),
  );
});

test('lets a long chain of promises settle before the next event', async () => {
  const scheduler = new Scheduler();
  const log: string[] = [];
  const chain = async () => {
    for (let i = 0; i < 1_000; i++) await null;
    log.push(`settled at ${scheduler.elapsed}`);
  };
  scheduler.after(1, () => {
    scheduler.touch();
    void chain();
  });
  scheduler.after(2, () => log.push('next'));
  await scheduler.runUntil(10);
  expect(log).toEqual(['settled at 1', 'next']);
});

test('stops at what an event throws, and can go on', async () => {
  const scheduler = new Scheduler();
  const log: string[] = [];
  scheduler.after(1, () => {
    throw new Error('broken');
  });
  scheduler.after(2, () => log.push('after'));
  await expect(scheduler.runUntil(10)).rejects.toThrow('broken');
  await scheduler.runUntil(10);
  expect(log).toEqual(['after']);
});
