/** `shadowgrid actors`: the actors of a grid, in memory and stored. */
import { defineCommand } from 'citty';
import { type ActorRow, stateText } from '../../runtime/mod.ts';
import { parseNumber } from './arguments.ts';
import { connectGrid, connectionArgs } from './connect.ts';
import { printJson, table } from './print.ts';

export const actors = defineCommand({
  meta: { name: 'actors', description: 'List actors, in memory and stored' },
  args: {
    ...connectionArgs,
    kind: { type: 'positional', description: 'only of this kind, such as job', required: false },
    limit: { type: 'string', description: 'at most so many; default 200', valueHint: 'N' },
    after: { type: 'string', description: 'go on after this one', valueHint: 'ADDRESS' },
    json: { type: 'boolean', description: 'print JSON' },
  },
  run: async ({ args }) => {
    await using grid = await connectGrid(args, 'operator');
    const { node } = await grid.inspection.node();
    const limit = parseNumber('limit', args.limit);
    const { actors: found, next } = await grid.inspection.actors(node, {
      ...(args.kind !== undefined && { kind: args.kind }),
      ...(args.after !== undefined && { after: args.after }),
      ...(limit !== undefined && { limit }),
    });
    if (args.json) return printJson({ node, actors: found, ...(next !== undefined && { next }) });
    const header = ['ADDRESS', 'WHERE', 'STATE', 'WAITING', 'FAILURES', 'NOTE'];
    process.stdout.write(`${table(header, found.map(rowOf))}\n`);
    if (next !== undefined) process.stdout.write(`there are more: --after ${next}\n`);
  },
});

function rowOf({ address, standing, state, cell, error }: ActorRow): string[] {
  return [
    address,
    standing,
    stateText(state) || '-',
    cell === undefined ? '-' : String(cell.mailbox.depth),
    cell === undefined ? '-' : String(cell.failures.length),
    error?.message ?? '',
  ];
}
