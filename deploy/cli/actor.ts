/** `shadowgrid actor`: one actor as it is now, and where in its statechart. */
import { styleText } from 'node:util';
import { defineCommand } from 'citty';
import {
  type ActorView,
  type Chart,
  type ChartState,
  type ChartTransition,
  chartToMermaid,
  currentPaths,
  labelOf,
  stateText,
} from '../../runtime/mod.ts';
import { connectGrid, connectionArgs } from './connect.ts';
import { printJson } from './print.ts';

export const actor = defineCommand({
  meta: { name: 'actor', description: 'Show one actor: state, context, mailbox, failures, statechart' },
  args: {
    ...connectionArgs,
    address: { type: 'positional', description: 'KIND/KEY, such as job/j-1a2b3c4d', required: true },
    mermaid: { type: 'boolean', description: 'print its statechart as a Mermaid diagram' },
    json: { type: 'boolean', description: 'print JSON, the statechart included' },
  },
  run: async ({ args }) => {
    await using grid = await connectGrid(args, 'operator');
    const { node } = await grid.inspection.node();
    const view = await grid.inspection.actor(node, args.address);
    const chart = await grid.inspection.chart(node, view);
    if (args.json) printJson({ ...view, chart });
    else process.stdout.write(args.mermaid ? chartToMermaid(chart, view.state) : textOf(view, chart));
  },
});

function textOf(view: ActorView, chart: Chart): string {
  const { address, state, standing, durability, node, cell, restarts, error, cut } = view;
  const facts = [
    ['state', stateText(state) || 'unknown'],
    ['where', `${standing} on ${node}, ${durability}`],
    ['mailbox', cell === undefined ? '-' : `${cell.mailbox.depth} of ${cell.mailbox.bound} wait`],
    ['effects', cell === undefined ? '-' : `${cell.effects} under way`],
    [
      'failures',
      `${cell?.failures.length ?? 0} in ${restarts.withinMs / 1000} s, at most ${restarts.limit}` +
        lastOf(cell?.failures),
    ],
    ...view.timers.map(({ after, dueAt }) => ['timer', `${after}, due ${new Date(dueAt).toISOString()}`]),
    ...(error === undefined ? [] : [['error', `${error.message} (${error.code})`]]),
  ];
  return [
    styleText('bold', address),
    ...facts.map(([name = '', what]) => `  ${name.padEnd(9)} ${what}`),
    styleText('bold', 'context'),
    indented(JSON.stringify(view.context ?? null, null, 2)),
    ...cut.map(({ at, why, left }) => `  not shown: ${at || 'all'} (${why}${left ? `, ${left} more` : ''})`),
    styleText('bold', 'statechart'),
    ...chartLines(chart, state),
    '',
  ].join('\n');
}

function lastOf(failures: readonly number[] = []): string {
  const last = failures.at(-1);
  return last === undefined ? '' : `, last ${new Date(last).toISOString()}`;
}

/** A line per state, `*` before those the actor is in. */
function chartLines({ states, transitions }: Chart, value: unknown): string[] {
  const current = currentPaths(value);
  const names = states.map(({ path }) => nameOf(path));
  const width = Math.max(...names.map((name) => name.length));
  return states.flatMap((state, i) => {
    const isCurrent = current.has(state.path);
    const ways = waysFrom(state, transitions);
    if (state.path === '' && ways === '') return [];
    const line = `  ${isCurrent ? '*' : ' '} ${names[i]!.padEnd(width)}  ${ways}`.trimEnd();
    return isCurrent ? styleText('green', line) : line;
  });
}

function nameOf(path: string): string {
  if (path === '') return '(any state)';
  const outer = path.split('.').slice(0, -1);
  return `${'  '.repeat(outer.length)}${path.split('.').at(-1)}`;
}

function waysFrom({ path, type }: ChartState, transitions: readonly ChartTransition[]): string {
  if (type === 'final') return '(final)';
  const own = transitions.filter(({ from }) => from === path);
  const leave = own.filter(({ to }) => to.length > 0).map((one) => `${labelOf(one)} -> ${one.to.join(', ')}`);
  const stay = new Set(own.filter(({ to }) => to.length === 0).map(labelOf));
  return [...leave, ...(stay.size > 0 ? [`takes ${[...stay].join(', ')}`] : [])].join('; ');
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
