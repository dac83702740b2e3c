/** `shadowgrid dead-letters`: the commands that could not be carried out, and why. */
import { defineCommand } from 'citty';
import type { DeadLetterRow } from '../../runtime/mod.ts';
import { connectGrid, connectionArgs } from './connect.ts';
import { printJson, table } from './print.ts';

export const deadLetters = defineCommand({
  meta: { name: 'dead-letters', description: 'List commands that could not be carried out, and why' },
  args: {
    ...connectionArgs,
    kind: { type: 'string', description: 'only to actors of this kind, such as job', valueHint: 'KIND' },
    json: { type: 'boolean', description: 'print JSON, payloads included' },
  },
  run: async ({ args }) => {
    await using grid = await connectGrid(args, 'operator');
    const letters = await grid.deadLetters.all(args.kind);
    if (args.json) return printJson({ letters });
    const header = ['SEQ', 'TO', 'MESSAGE', 'TRIES', 'LAST', 'REASON', 'PAYLOAD'];
    process.stdout.write(`${table(header, letters.map(rowOf))}\n`);
    if (letters.length > 0) process.stdout.write('give them to their actors again: shadowgrid redrive SEQ\n');
  },
});

const WIDEST = 60;

function rowOf({ seq, to, type, attempts, lastAt, error, payload }: DeadLetterRow): string[] {
  const last = new Date(lastAt).toISOString();
  return [String(seq), to, type ?? '-', String(attempts), last, oneLine(error.message), oneLine(payload)];
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > WIDEST ? `${line.slice(0, WIDEST - 3)}...` : line;
}
