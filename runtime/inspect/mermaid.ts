/** A chart as the text of a Mermaid state diagram, with the states marked that an actor is in. */
import type { Chart, ChartState, ChartTransition } from './chart.ts';
import { currentPaths } from './state-value.ts';

/** `stateDiagram-v2`. `value`: the state value of an actor, whose states are drawn filled. */
export function chartToMermaid(chart: Chart, value?: unknown): string {
  const current = currentPaths(value);
  const lines = ['stateDiagram-v2', ...inside('', chart, '  ')];
  lines.push(...chart.states.flatMap(({ path }) => arrowsFrom(path, chart)).map((line) => `  ${line}`));
  lines.push(...notes(chart));
  const marked = chart.states.filter(({ path }) => path !== '' && current.has(path));
  if (marked.length > 0) {
    lines.push('  classDef current fill:#2563eb,color:#fff,stroke:#1e3a8a');
    lines.push(...marked.map(({ path }) => `  class ${idOf(path)} current`));
  }
  return `${lines.join('\n')}\n`;
}

/** What a state is drawn around. */
function inside(outer: string, chart: Chart, indent: string): string[] {
  const state = chart.states.find(({ path }) => path === outer);
  const children = chart.states.filter((child) => isChild(child, outer));
  const drawn = children.map((child) => declare(child, chart, indent));
  if (state?.type === 'parallel') return drawn.flatMap((one, i) => (i === 0 ? one : [`${indent}--`, ...one]));
  const start = state?.initial === undefined ? [] : [`${indent}[*] --> ${idOf(state.initial)}`];
  const ends = children
    .filter(({ type }) => type === 'final')
    .map(({ path }) => `${indent}${idOf(path)} --> [*]`);
  return [...drawn.flat(), ...start, ...ends];
}

function declare(state: ChartState, chart: Chart, indent: string): string[] {
  const head = `${indent}state "${textOf(state.path.split('.').at(-1) ?? '')}" as ${idOf(state.path)}`;
  const within = inside(state.path, chart, `${indent}  `);
  return within.length === 0 ? [head] : [`${head} {`, ...within, `${indent}}`];
}

/** Arrows of a state; those of the machine itself start at each of its states that does not handle the event. */
function arrowsFrom(path: string, { states, transitions }: Chart): string[] {
  const own = transitions.filter(({ from, to }) => from === path && to.length > 0);
  if (path !== '') return own.map((transition) => arrow(path, transition));
  const outermost = states.filter((state) => isChild(state, '') && state.type !== 'final');
  return own.flatMap((transition) =>
    outermost
      .filter(
        (state) =>
          !transitions.some((one) => one.from === state.path && one.on === transition.on && !one.guard),
      )
      .map((state) => arrow(state.path, transition)),
  );
}

function arrow(from: string, transition: ChartTransition): string {
  return `${idOf(from)} --> ${idOf(transition.to[0]!)} : ${textOf(labelOf(transition))}`;
}

/** What a state takes without leaving. */
function notes({ states, transitions }: Chart): string[] {
  return states.flatMap(({ path }) => {
    const stays = transitions.filter(({ from, to }) => from === path && to.length === 0).map(labelOf);
    if (stays.length === 0) return [];
    const text = textOf([...new Set(stays)].join(', '));
    if (path === '') return [`  %% in every state: ${text}`];
    return [`  note right of ${idOf(path)} : takes ${text}`];
  });
}

/** `message [guard]`, `after soon`, `always`. */
export function labelOf({ by, on, guard }: ChartTransition): string {
  const what = by === 'event' ? on : by === 'after' ? `after ${on}` : by;
  return guard === undefined ? `${what}` : `${what} [${guard}]`;
}

function isChild({ path }: ChartState, outer: string): boolean {
  if (path === '') return false;
  return path.slice(0, Math.max(0, path.lastIndexOf('.'))) === outer;
}

function idOf(path: string): string {
  return `s_${path.replaceAll(/[^A-Za-z0-9]/g, (letter) => `_${letter.codePointAt(0)!.toString(16)}_`)}`;
}

/** Letters that mean something to Mermaid, as it wants them written. */
function textOf(text: string): string {
  return text.replaceAll(/["#;:{}<>\n]/g, (letter) => `#${letter.codePointAt(0)};`);
}
