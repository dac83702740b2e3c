/** The statechart of a definition as data: its states, what leads from one to the next, and a hash of both. */
import { createHash } from 'node:crypto';
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';

export interface Chart {
  /** Name of the machine. */
  readonly id: string;
  /** Of everything below, 16 hexadecimal digits: two charts with the same hash are the same. */
  readonly hash: string;
  /** In the order of the definition, outer before inner. */
  readonly states: readonly ChartState[];
  readonly transitions: readonly ChartTransition[];
}

export interface ChartState {
  /** `running`, `running.paused`; empty for the machine itself. */
  readonly path: string;
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  /** Path of the state it starts in, of compound ones. */
  readonly initial?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
}

export interface ChartTransition {
  /** Path of a state; empty for the machine itself, whose transitions are those of every state. */
  readonly from: string;
  /** Paths. Empty: it stays where it is. */
  readonly to: readonly string[];
  /** `event`: a message of type `on`. `after`: a delay, by name or in ms. `done`: the state has reached its end. */
  readonly by: 'event' | 'after' | 'always' | 'done';
  readonly on?: string;
  /** Name of its guard; `(inline)` where it has none. */
  readonly guard?: string;
  /** Names of its actions. */
  readonly actions?: readonly string[];
}

const made = new WeakMap<AnyStateMachine, Chart>();

/** Made once per machine. */
export function chartOf(machine: AnyStateMachine): Chart {
  let chart = made.get(machine);
  if (chart === undefined) {
    chart = draw(machine);
    made.set(machine, chart);
  }
  return chart;
}

/** Name or ms of the delay whose end `eventType` tells; the event itself where it tells none. */
export function delayOf(machine: AnyStateMachine, eventType: string): string {
  for (const node of nodesOf(machine.root)) {
    const delay = delayed(eventType, node.id);
    if (delay !== undefined && node.path.length > 0) return delay;
  }
  return eventType;
}

function draw(machine: AnyStateMachine): Chart {
  const nodes = [...nodesOf(machine.root)];
  const states = nodes.map(stateOf);
  const transitions = nodes.flatMap((node) =>
    [...[...node.transitions.values()].flat(), ...(node.always ?? [])].map((each) =>
      transitionOf(node, each as AnyTransitionDefinition),
    ),
  );
  const drawn = { id: machine.id, states, transitions };
  const hash = createHash('sha256').update(JSON.stringify(drawn)).digest('hex').slice(0, 16);
  return { ...drawn, hash };
}

function* nodesOf(node: AnyStateNode): Iterable<AnyStateNode> {
  yield node;
  for (const child of Object.values(node.states) as AnyStateNode[]) yield* nodesOf(child);
}

function stateOf(node: AnyStateNode): ChartState {
  const { type, description, tags } = node;
  const initial = type === 'compound' ? node.initial.target[0] : undefined;
  return {
    path: pathOf(node),
    type,
    ...(initial !== undefined && { initial: pathOf(initial) }),
    ...(description !== undefined && { description }),
    ...(tags.length > 0 && { tags }),
  };
}

function transitionOf(node: AnyStateNode, transition: AnyTransitionDefinition): ChartTransition {
  const { eventType, target = [], guard, actions } = transition;
  const cause = causeOf(node, eventType);
  const named = actions.map((action) => nameOf(action));
  return {
    from: pathOf(node),
    to: target.map(pathOf),
    ...cause,
    ...(guard !== undefined && { guard: nameOf(guard) }),
    ...(named.length > 0 && { actions: named }),
  };
}

/** XState turns delays, ends and transitions without an event into events with names of its own. */
function causeOf(node: AnyStateNode, eventType: string): Pick<ChartTransition, 'by' | 'on'> {
  if (eventType === '') return { by: 'always' };
  const delay = delayed(eventType, node.id);
  if (delay !== undefined) return { by: 'after', on: delay };
  if (eventType.startsWith('xstate.done.')) return { by: 'done' };
  return { by: 'event', on: eventType };
}

/** `xstate.after.soon.bell.armed` is a delay `soon` of the state `bell.armed`. */
function delayed(eventType: string, nodeId: string): string | undefined {
  if (!eventType.startsWith('xstate.after.') || !eventType.endsWith(`.${nodeId}`)) return undefined;
  return eventType.slice('xstate.after.'.length, -nodeId.length - 1);
}

function pathOf(node: AnyStateNode): string {
  return node.path.join('.');
}

/** Of a guard or an action: its own, or `assign`, `emit` and the like for those of XState. */
function nameOf(what: unknown): string {
  if (typeof what === 'string') return what;
  if (typeof what !== 'object' && typeof what !== 'function') return '(inline)';
  const { type } = what as { type?: unknown };
  return typeof type === 'string' ? type.replace(/^xstate\./, '') : '(inline)';
}
