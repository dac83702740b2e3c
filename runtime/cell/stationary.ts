/**
 * Transitions that stay where they are and only assign, which is most of what a busy actor takes. XState's macrostep
 * computes the states to leave and to enter for them as well: three quarters of the cost of a message.
 */
import type { AnyActorScope, AnyStateMachine, AnyStateNode, EventObject } from 'xstate';
import type { MachineState } from './machine-state.ts';

type Assignment = (scope: AssignScope) => object | undefined;

/** As XState's, less `spawn`: actors have no children. */
interface AssignScope extends Pick<AnyActorScope, 'self' | 'system'> {
  readonly context: unknown;
  readonly event: EventObject;
}

/** What `state` becomes by `event` if that is such a transition; undefined if XState is to take it. */
export function takeStationary(
  machine: AnyStateMachine,
  state: MachineState,
  event: EventObject,
  { self, system }: AnyActorScope,
): MachineState | undefined {
  if (typeof state.value !== 'string' || state.status !== 'active') return undefined;
  const node = machine.root.states[state.value];
  const assignments = node && assignmentsOf(machine, node, event.type);
  if (assignments === undefined) return undefined;
  if (assignments.length === 0) return state;
  let { context } = state;
  for (const assign of assignments)
    context = { ...(context as object), ...assign({ context, event, self, system }) };
  return { ...state, context };
}

/** Per state and type of event; null: not such a transition. */
const known = new WeakMap<AnyStateNode, Map<string, readonly Assignment[] | null>>();
/** Types of events remembered per state: who sends makes them up. */
const MOST_TYPES = 256;

function assignmentsOf(machine: AnyStateMachine, node: AnyStateNode, type: string) {
  let types = known.get(node);
  if (types === undefined) {
    types = new Map();
    known.set(node, types);
  }
  let found = types.get(type);
  if (found === undefined) {
    found = find(machine, node, type) ?? null;
    if (types.size < MOST_TYPES) types.set(type, found);
  }
  return found ?? undefined;
}

function find(machine: AnyStateMachine, node: AnyStateNode, type: string): readonly Assignment[] | undefined {
  const nodes = [node, machine.root];
  for (const { always, transitions } of nodes) {
    if (always !== undefined && always.length > 0) return undefined;
    for (const descriptor of transitions.keys()) if (descriptor.includes('*')) return undefined;
  }
  // The inner state's transition goes before the machine's.
  const [transition] = nodes.flatMap(({ transitions }) => transitions.get(type) ?? []);
  if (transition === undefined || transition.guard !== undefined || transition.target !== undefined) return;
  const assignments = transition.actions.map((action) => assignmentOf(machine, action));
  return assignments.every((assignment) => assignment !== undefined) ? assignments : undefined;
}

/** What `assign` was given, as one function; undefined of any other action. */
function assignmentOf(machine: AnyStateMachine, action: unknown): Assignment | undefined {
  const named = typeof action === 'string' ? machine.implementations.actions[action] : action;
  if (typeof named !== 'function' || !('assignment' in named)) return undefined;
  const given = named.assignment as Assignment | Record<string, unknown>;
  if (typeof given === 'function') return given;
  const entries = Object.entries(given);
  return (scope) =>
    Object.fromEntries(
      entries.map(([key, value]) => [key, typeof value === 'function' ? value(scope) : value]),
    );
}
