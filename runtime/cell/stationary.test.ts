/** Which transitions are taken without XState's macrostep: only those of which it would make the same. */
import { expect, test } from 'vitest';
import { type AnyActorScope, assign, emit, initialTransition, setup, transition } from 'xstate';
import { takeStationary } from './stationary.ts';

const machine = setup({
  types: { context: {} as { readonly n: number; readonly last: string } },
  actions: { count: assign({ n: ({ context }) => context.n + 1, last: 'counted' }) },
  guards: { many: ({ context }) => context.n > 3 },
}).createMachine({
  context: { n: 0, last: '' },
  initial: 'still',
  on: { outer: { actions: assign(({ context, event }) => ({ n: context.n * 2, last: event.type })) } },
  states: {
    still: {
      on: {
        named: { actions: 'count' },
        twice: { actions: ['count', assign({ n: ({ context }) => context.n * 10 })] },
        nothing: {},
        told: { actions: ['count', emit({ type: 'told' })] },
        guarded: { guard: 'many', actions: 'count' },
        again: { target: 'still', actions: 'count' },
        wild: 'wild',
        restless: 'restless',
      },
    },
    wild: { on: { '*': { actions: 'count' } } },
    restless: { always: { guard: 'many', target: 'still' } },
  },
});

const scope = { self: {}, system: {} } as AnyActorScope;
const [still] = initialTransition(machine);
const after = (type: string) => transition(machine, still, { type })[0];

test.each(['named', 'twice', 'nothing', 'outer'])('%s: stays and assigns', (type) => {
  const { value, context } = takeStationary(machine, still, { type }, scope) ?? {};
  expect({ value, context }).toEqual({ value: 'still', context: after(type).context });
});

test('a transition without actions changes nothing', () => {
  expect(takeStationary(machine, still, { type: 'nothing' }, scope)).toBe(still);
});

test.each(['told', 'guarded', 'again', 'wild', 'unknown'])("%s: is XState's", (type) => {
  expect(takeStationary(machine, still, { type }, scope)).toBeUndefined();
});

test.each(['wild', 'restless'])('in a state that is %s, all are', (state) => {
  for (const type of ['outer', 'named']) {
    expect(takeStationary(machine, after(state), { type }, scope)).toBeUndefined();
  }
});

test('in a machine that has ended, all are', () => {
  expect(takeStationary(machine, { ...still, status: 'done' }, { type: 'outer' }, scope)).toBeUndefined();
});
