/** The slow clock: one question at a time, every tick without an answer counted, errors told and outlived. */
import { expect, test } from 'vitest';
import { TestClock } from '../../../test/conformance/hypervisor-test-clock.ts';
import type { SlowReading, SlowSample } from './slow.ts';
import { SlowClock } from './slow-clock.ts';

function start() {
  const clock = new TestClock();
  const samples: SlowSample[] = [];
  const errors: unknown[] = [];
  const questions: PromiseWithResolvers<SlowReading>[] = [];
  const slow = new SlowClock({
    clock,
    intervalMs: 1000,
    read: () => {
      questions.push(Promise.withResolvers());
      return questions.at(-1)!.promise;
    },
    onSample: (sample) => samples.push(sample),
    onError: (error) => errors.push(error),
  });
  slow.start();
  const pass = async (ms: number) => {
    clock.advance(ms);
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  };
  return { pass, samples, errors, questions, slow };
}

const READING: SlowReading = { host: {}, domains: [] };

test('samples say when, what they cost, and how many ticks had none', async () => {
  const { pass, questions, samples } = start();
  await pass(1040);
  questions[0]!.resolve(READING);
  await pass(0);
  expect(samples).toEqual([{ ...READING, t: 1040, costMs: 40, missed: 0 }]);
  await pass(3000);
  expect(questions.length).toBe(2);
  questions[1]!.resolve(READING);
  await pass(0);
  await pass(1000);
  questions[2]!.resolve(READING);
  await pass(0);
  expect(samples.slice(1)).toMatchObject([
    { t: 4040, costMs: 2040, missed: 2 },
    { t: 5040, costMs: 40, missed: 0 },
  ]);
});

test('an error is told, counts as missed, and the clock goes on', async () => {
  const { pass, questions, samples, errors } = start();
  await pass(1000);
  questions[0]!.reject(new Error('lost'));
  await pass(0);
  await pass(1000);
  expect(errors).toMatchObject([{ message: 'lost' }]);
  questions[1]!.resolve(READING);
  await pass(0);
  expect(samples).toMatchObject([{ t: 2000, missed: 1 }]);
});

test('tells nothing after it was stopped', async () => {
  const { pass, questions, samples, errors, slow } = start();
  await pass(1000);
  slow.stop();
  questions[0]!.resolve(READING);
  await pass(5000);
  expect([samples, errors, questions.length]).toEqual([[], [], 1]);
});
