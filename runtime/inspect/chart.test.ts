/** A statechart as data and as a diagram. */
import { describe, expect, test } from 'vitest';
import { assign, setup } from 'xstate';
import { chartOf, delayOf } from './chart.ts';
import { chartToMermaid } from './mermaid.ts';
import { currentPaths, stateText } from './state-value.ts';

const make = (last = 'gone') =>
  setup({
    types: { context: {} as { n: number } },
    delays: { soon: 1_000 },
    guards: { ready: ({ context }) => context.n > 0 },
    actions: { count: assign({ n: ({ context }) => context.n + 1 }) },
  }).createMachine({
    id: 'lamp',
    context: { n: 0 },
    on: { break: `.${last}`, look: { actions: 'count' } },
    initial: 'off',
    states: {
      off: { description: 'dark', on: { press: { guard: 'ready', target: 'on', actions: 'count' } } },
      on: {
        initial: 'dim',
        states: { dim: { after: { soon: 'bright', 50: {} } }, bright: { type: 'final' } },
        on: { press: 'off', break: { actions: assign({ n: 0 }) } },
        onDone: 'off',
      },
      [last]: { type: 'final' },
    },
  });

describe('a chart', () => {
  test('has the states and transitions of its machine', () => {
    const { id, states, transitions } = chartOf(make());
    expect(id).toBe('lamp');
    expect(states).toEqual([
      { path: '', type: 'compound', initial: 'off' },
      { path: 'off', type: 'atomic', description: 'dark' },
      { path: 'on', type: 'compound', initial: 'on.dim' },
      { path: 'on.dim', type: 'atomic' },
      { path: 'on.bright', type: 'final' },
      { path: 'gone', type: 'final' },
    ]);
    expect(transitions).toHaveLength(8);
    expect(transitions).toEqual(
      expect.arrayContaining([
        { from: '', to: ['gone'], by: 'event', on: 'break' },
        { from: '', to: [], by: 'event', on: 'look', actions: ['count'] },
        { from: 'off', to: ['on'], by: 'event', on: 'press', guard: 'ready', actions: ['count'] },
        { from: 'on', to: [], by: 'event', on: 'break', actions: ['assign'] },
        { from: 'on', to: ['off'], by: 'done' },
        { from: 'on.dim', to: ['on.bright'], by: 'after', on: 'soon' },
        { from: 'on.dim', to: [], by: 'after', on: '50' },
      ]),
    );
    expect(JSON.parse(JSON.stringify(states))).toEqual(states);
  });

  test('is made once per machine; its hash tells charts apart and nothing else', () => {
    const machine = make();
    expect(chartOf(machine)).toBe(chartOf(machine));
    expect(chartOf(make()).hash).toBe(chartOf(machine).hash);
    expect(chartOf(make('broken')).hash).not.toBe(chartOf(machine).hash);
  });

  test('is a Mermaid diagram with the current states marked', () => {
    const text = chartToMermaid(chartOf(make()), { on: 'dim' });
    expect(text).toBe(`stateDiagram-v2
  state "off" as s_off
  state "on" as s_on {
    state "dim" as s_on_2e_dim
    state "bright" as s_on_2e_bright
    [*] --> s_on_2e_dim
    s_on_2e_bright --> [*]
  }
  state "gone" as s_gone
  [*] --> s_off
  s_gone --> [*]
  s_off --> s_gone : break
  s_off --> s_on : press [ready]
  s_on --> s_off : press
  s_on --> s_off : done
  s_on_2e_dim --> s_on_2e_bright : after soon
  %% in every state: look
  note right of s_on : takes break
  note right of s_on_2e_dim : takes after 50
  classDef current fill:#2563eb,color:#fff,stroke:#1e3a8a
  class s_on current
  class s_on_2e_dim current
`);
  });

  test('names the delay of a timer', () => {
    expect(delayOf(make(), 'xstate.after.soon.lamp.on.dim')).toBe('soon');
    expect(delayOf(make(), 'later')).toBe('later');
  });
});

describe('a state value', () => {
  test('of any shape is text and paths', () => {
    const value = { io: { disk: 'idle', net: {} }, cpu: 'busy' };
    expect(stateText(value)).toBe('io.disk.idle, io.net, cpu.busy');
    expect(currentPaths(value)).toEqual(
      new Set(['io', 'io.disk', 'io.disk.idle', 'io.net', 'cpu', 'cpu.busy']),
    );
    expect(stateText('off')).toBe('off');
    expect(stateText(undefined)).toBe('');
  });
});
