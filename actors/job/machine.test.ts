/** The job statechart: where each message leads, what it asks for on the way, and what a restart repeats. */
import { describe, expect, test, vi } from 'vitest';
import { createActor } from 'xstate';
import { effectsToResume, startOf, viewOf } from './decide.ts';
import { jobMachine } from './machine.ts';
import { JOB_STATES, type JobEffect, type JobMessage, type JobState, TERMINAL_STATES } from './messages.ts';
import { parseSubmission } from './request.ts';

const [request] = parseSubmission({ application: 'a', user: 'u', command: 'true' });
const error = { code: 'no-room', message: 'full' };
const at = 5;
const place = { type: 'place', host: 'h1', at } as const;
const started = { type: 'started', bootMs: 3, at } as const;
const exited = (exitCode: number, signal = 0): JobMessage => ({
  type: 'exited',
  exitCode,
  signal,
  outputBytes: 9,
  at,
});

function run(messages: readonly JobMessage[], dependencies: readonly string[] = []) {
  const input = { id: 'j-1', request: request!, dependencies, requestHash: 'x', submittedAt: 1 };
  const start = startOf(input);
  const effects: JobEffect[] = effectsToResume(start.value, start.context);
  const actor = createActor(jobMachine, { snapshot: jobMachine.resolveState(start), input });
  actor.on('*', (effect) => effects.push(effect));
  actor.start();
  for (const message of messages) actor.send(message);
  const { value, context } = actor.getSnapshot();
  return { state: value as JobState, view: viewOf(value as JobState, context), context, effects };
}

/** Messages that lead into each state. */
const PATHS: Record<Exclude<JobState, 'accepted'>, readonly JobMessage[]> = {
  queued: [],
  placing: [place],
  booting: [place, { type: 'host-accepted', at }],
  running: [place, { type: 'host-accepted', at }, started],
  completed: [place, { type: 'host-accepted', at }, started, exited(0)],
  failed: [place, { type: 'host-accepted', at }, started, exited(3)],
  cancelled: [{ type: 'cancel', at }],
};

test('runs to its end, asking for one thing at a time', () => {
  const { view, effects } = run(PATHS.completed);
  expect(view).toMatchObject({ state: 'completed', host: 'h1', exitCode: 0, outputBytes: 9, bootMs: 3 });
  expect(view.error).toBeUndefined();
  expect(effects.map((effect) => effect.type)).toEqual([
    'enqueue',
    'ensure-running',
    'cast-shadow',
    'release',
    'finished',
  ]);
});

test('waits for its dependencies, and fails with the one that failed', () => {
  expect(run([], ['j-0'])).toMatchObject({ state: 'accepted', effects: [{ type: 'await-dependencies' }] });
  expect(run([{ type: 'dependencies-met', at }], ['j-0']).state).toBe('queued');
  const failed = run([{ type: 'dependency-failed', jobId: 'j-0', at }], ['j-0']);
  expect(failed.view).toMatchObject({ state: 'failed', error: { code: 'dependency-failed' }, endedAt: at });
  expect(failed.view.error?.message).toContain('j-0');
});

test.each([
  ['status', exited(3), 'status 3'],
  ['signal', exited(137, 9), 'signal 9'],
])('tells by which %s a command failed', (_, end, words) => {
  const { view } = run([...PATHS.running, end]);
  expect(view).toMatchObject({ state: 'failed', error: { code: 'command-failed' } });
  expect(view.error?.message).toContain(words);
});

describe('a host that refuses', () => {
  const refused: JobMessage = { type: 'host-refused', error, at };
  test.each(['placing', 'booting'] as const)('in %s sends it back into the queue, with why', (state) => {
    const { view, context, effects } = run([...PATHS[state], refused]);
    expect(view).toMatchObject({ state: 'queued', error });
    expect(view.host).toBeUndefined();
    expect(context.refusals).toEqual([{ host: 'h1', error }]);
    expect(effects.at(-1)).toEqual({ type: 'enqueue' });
    expect(run([...PATHS[state], refused, ...PATHS.running]).view.error).toBeUndefined();
  });

  test('remembers only the last few', () => {
    const rounds = Array.from({ length: 20 }, () => [place, refused]).flat();
    expect(run(rounds).context.refusals.length).toBe(8);
  });

  test('fails a job that runs: it is never started twice', () => {
    expect(run([...PATHS.running, refused]).view).toMatchObject({ state: 'failed', error });
  });
});

test.each(['placing', 'booting', 'running'] as const)('in %s it can be lost', (state) => {
  const { view, effects } = run([...PATHS[state], { type: 'lost', error, at }]);
  expect(view).toMatchObject({ state: 'failed', error });
  expect(effects.slice(-2)).toEqual([
    { type: 'release', host: 'h1' },
    { type: 'finished', state: 'failed' },
  ]);
});

test.each(['queued', 'placing', 'booting', 'running'] as const)('is cancelled in %s', (state) => {
  const { view, effects } = run([...PATHS[state], { type: 'cancel', at }]);
  expect(view).toMatchObject({ state: 'cancelled', error: { code: 'cancelled' }, endedAt: at });
  expect(effects.some((effect) => effect.type === 'release')).toBe(state !== 'queued');
});

test.each(TERMINAL_STATES)('nothing moves a job that is %s', (state) => {
  // XState warns of each message to a machine that has ended.
  using _ = vi.spyOn(console, 'warn').mockImplementation(() => {});
  const path = PATHS[state as 'completed'];
  const late: JobMessage[] = [
    place,
    started,
    exited(1),
    { type: 'cancel', at: 9 },
    { type: 'lost', error, at },
  ];
  expect(run([...path, ...late]).view).toEqual(run(path).view);
});

test('an answer that comes late or twice changes nothing', () => {
  const answers: JobMessage[] = [
    { type: 'host-accepted', at: 9 },
    { ...started, at: 9 },
    { ...place, host: 'h2' },
  ];
  expect(run([...PATHS.running, ...answers]).view).toEqual(run(PATHS.running).view);
  expect(run([place, started, { type: 'host-accepted', at }]).state).toBe('running');
});

test('a restart asks again for what the state still needs, and for nothing once it has ended', () => {
  const { context } = run(PATHS.running);
  const needs = Object.fromEntries(
    JOB_STATES.map((state) => [state, effectsToResume(state, context).map((effect) => effect.type)]),
  );
  expect(needs).toEqual({
    accepted: ['await-dependencies'],
    queued: ['enqueue'],
    placing: ['ensure-running'],
    booting: ['ensure-running'],
    running: ['ensure-running', 'cast-shadow'],
    completed: [],
    failed: [],
    cancelled: [],
  });
});
