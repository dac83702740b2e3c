/** `shadowgrid trace`: what happens to an actor, or to a job and its shadow, as it happens. */
import { styleText } from 'node:util';
import { defineCommand } from 'citty';
import { InvalidRequest } from '../../actors/job/mod.ts';
import {
  Cancelled,
  type InspectionClient,
  stateText,
  type WatchQuery,
  type WatchRecord,
} from '../../runtime/mod.ts';
import { parseNumber, parseSeconds } from './arguments.ts';
import { connectGrid, connectionArgs } from './connect.ts';
import { printJson } from './print.ts';
import { untilSignal } from './signals.ts';

export const trace = defineCommand({
  meta: { name: 'trace', description: 'Follow what happens to an actor, or to a job and its shadow' },
  args: {
    ...connectionArgs,
    target: { type: 'positional', description: 'KIND/KEY, KIND/*, or the id of a job', required: true },
    only: {
      type: 'string',
      description: 'only these: created, received, transition, stored, effect, failed, stopped',
      valueHint: 'KIND,...',
    },
    type: { type: 'string', description: 'only messages and effects of these types', valueHint: 'TYPE,...' },
    sample: { type: 'string', description: 'share of the sequences to show, 0 to 1', valueHint: 'SHARE' },
    for: { type: 'string', description: 'end after so many seconds; default: at Ctrl-C', valueHint: 'S' },
    json: { type: 'boolean', description: 'one JSON object a line' },
  },
  run: async ({ args }) => {
    const sample = parseNumber('sample', args.sample);
    const forMs = parseSeconds('for', args.for);
    await using grid = await connectGrid(args, 'operator');
    const { node } = await grid.inspection.node();
    const query = {
      addresses: await addressesOf(args.target, grid.inspection, node),
      ...(args.only !== undefined && { kinds: args.only.split(',') }),
      ...(args.type !== undefined && { types: args.type.split(',') }),
      ...(sample !== undefined && { sample }),
      // The node checks it, and its complaints name the field.
    } as WatchQuery & { readonly addresses: string[] };
    const ending = new AbortController();
    void untilSignal().then(() => ending.abort());
    const timer = forMs === undefined ? undefined : setTimeout(() => ending.abort(), forMs);
    const width = Math.max(...query.addresses.map((address) => address.length));
    const show = (record: WatchRecord) =>
      args.json ? printJson(record) : process.stdout.write(`${lineOf(record, width)}\n`);
    try {
      for await (const { records } of grid.inspection.watch(node, query, { signal: ending.signal })) {
        if (records.length === 0) process.stderr.write(`watching ${query.addresses.join(' and ')}\n`);
        for (const record of records) show(record);
      }
    } catch (error) {
      if (!(error instanceof Cancelled && ending.signal.aborted)) throw error;
    } finally {
      clearTimeout(timer);
    }
  },
});

/** A job is shown with its shadow, which may not be there yet. */
async function addressesOf(target: string, inspection: InspectionClient, node: string): Promise<string[]> {
  if (target === '') throw new InvalidRequest('the target is empty', 'target', 'KIND/KEY or the id of a job');
  const addresses = target.includes('/') ? [target] : [`job/${target}`, `shadow/${target}`];
  const [first = ''] = addresses;
  // Refused here, what does not exist would be watched for ever.
  if (first.endsWith('/*')) await inspection.actors(node, { kind: first.slice(0, -2), limit: 1 });
  else await inspection.actor(node, first);
  return addresses;
}

function lineOf(record: WatchRecord, width: number): string {
  const at = new Date(record.t).toISOString().slice(11, 23);
  if (record.kind === 'dropped') return styleText('yellow', `${at}  ${record.count} records were dropped`);
  const { address, kind, type = '', from, to, cause = '' } = record;
  const change = to === undefined ? '' : [from, to].map(stateText).filter(Boolean).join(' -> ');
  const what = [type, change].filter(Boolean).join('  ');
  return `${at}  ${address.padEnd(width)}  ${kind.padEnd(10)}  ${what.padEnd(36)}  ${styleText('dim', cause)}`.trimEnd();
}
