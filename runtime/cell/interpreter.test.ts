/** The interpreter beside XState's own actor: the same machine, the same events and the same time give the same. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assign, cancel, createActor, emit, enqueueActions, raise, SimulatedClock, setup } from 'xstate';
import { type Effect, Interpreter, restoreState } from './interpreter.ts';

const machine = setup({
  types: {
    context: {} as { readonly n: number; readonly log: readonly string[] },
    events: {} as {
      type: 'go' | 'again' | 'count' | 'burst' | 'break' | 'end' | 'later' | 'never' | 'hidden';
    },
    input: {} as { readonly n: number },
    emitted: {} as { type: 'told'; n: number },
  },
  guards: { many: ({ context }) => context.n > 3 },
  actions: {
    count: assign({ n: ({ context }) => context.n + 1 }),
    log: assign({ log: ({ context, event }) => [...context.log, event.type] }),
    tell: emit(({ context }) => ({ type: 'told' as const, n: context.n })),
    tellTwice: enqueueActions(({ enqueue, context }) => {
      enqueue.emit({ type: 'told', n: -context.n });
      enqueue('tell');
    }),
    fail: () => {
      throw new Error('broken');
    },
  },
  delays: { soon: 100, long: 1_000 },
}).createMachine({
  context: ({ input }) => ({ n: input.n, log: [] }),
  initial: 'idle',
  entry: 'tell',
  on: {
    hidden: { actions: 'log' },
    burst: { actions: [raise({ type: 'count' }), 'tellTwice'] },
    break: { actions: ['tell', 'fail'] },
    // An id that is pending is taken over here; XState would let both fire, and could cancel one only.
    later: { actions: [cancel('later'), raise({ type: 'count' }, { delay: 250, id: 'later' })] },
    never: { actions: cancel('later') },
  },
  states: {
    idle: { entry: 'tell', exit: 'log', on: { go: 'busy', count: { actions: 'count' } } },
    busy: {
      always: { guard: 'many', target: 'tired' },
      after: { soon: { target: 'idle', actions: 'tell' }, long: 'done' },
      on: { again: { target: 'busy', reenter: true }, count: { actions: ['count', 'tell'] } },
    },
    tired: { after: { long: { target: 'idle', actions: assign({ n: 0 }) } }, on: { end: 'done' } },
    done: { type: 'final', entry: 'tell' },
  },
});

const EVENTS = ['go', 'again', 'count', 'burst', 'break', 'end', 'later', 'never', 'hidden'] as const;
type Step = { readonly event: (typeof EVENTS)[number] } | { readonly wait: number };
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...EVENTS).map((event): Step => ({ event })) },
    { weight: 1, arbitrary: fc.constantFrom(10, 100, 260, 1_000).map((wait): Step => ({ wait })) },
  ),
  { maxLength: 40 },
);

function withXState(n: number, taken: readonly Step[]) {
  const clock = new SimulatedClock();
  const effects: Effect[] = [];
  const actor = createActor(machine, { input: { n }, clock });
  actor.on('*', (effect) => effects.push(effect));
  actor.subscribe({ error: () => {} });
  actor.start();
  for (const step of taken) {
    if ('event' in step) actor.send({ type: step.event });
    else clock.increment(step.wait);
  }
  const { status, value, context } = actor.getSnapshot();
  return { status, value, context, effects };
}

/** With `restarts`, goes on from plain values with a new interpreter after every step. */
function withOurs(n: number, taken: readonly Step[], restarts = false) {
  const clock = new SimulatedClock();
  const effects: Effect[] = [];
  let interpreter = open();
  function open(): Interpreter {
    const opened: Interpreter = new Interpreter({
      machine,
      clock,
      onDue: (timer) => {
        if (opened.state.status === 'active') effects.push(...opened.fire(timer));
      },
    });
    return opened;
  }
  effects.push(...interpreter.start({ n }));
  for (const step of taken) {
    if (interpreter.state.status !== 'active') break;
    if ('event' in step) effects.push(...interpreter.send({ type: step.event }));
    else clock.increment(step.wait);
    if (!restarts || interpreter.state.status !== 'active') continue;
    const stored = structuredClone({ snapshot: interpreter.persisted(), timers: interpreter.pending() });
    interpreter.stop();
    interpreter = open();
    interpreter.resume(restoreState(machine, stored.snapshot), stored.timers);
  }
  const { status, value, context } = interpreter.state;
  return { status, value, context, effects };
}

describe('a machine run by the interpreter', () => {
  test("does what XState's own actor does", () => {
    fc.assert(
      fc.property(fc.nat(4), steps, (n, taken) => {
        expect(withOurs(n, taken)).toEqual(withXState(n, taken));
      }),
      { numRuns: 500 },
    );
  });

  test('does the same when it is stored and restored after every step', () => {
    fc.assert(
      fc.property(fc.nat(4), steps, (n, taken) => {
        expect(withOurs(n, taken, true)).toEqual(withXState(n, taken));
      }),
      { numRuns: 500 },
    );
  });

  test('keeps its state when a step fails, and says what was thrown', () => {
    const interpreter = new Interpreter({ machine, clock: new SimulatedClock(), onDue: () => {} });
    interpreter.start({ n: 0 });
    interpreter.send({ type: 'break' });
    expect(interpreter.state).toMatchObject({ status: 'error', value: 'idle', error: new Error('broken') });
  });

  test('refuses a state that does not exist', () => {
    const interpreter = new Interpreter({ machine, clock: new SimulatedClock(), onDue: () => {} });
    interpreter.start({ n: 0 });
    const stored = interpreter.persisted() as object;
    expect(() => restoreState(machine, { ...stored, value: 'elsewhere' })).toThrow(/elsewhere/);
  });
});
