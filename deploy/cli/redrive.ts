/** `shadowgrid redrive`: gives dead letters to their actors once more. */
import { defineCommand } from 'citty';
import { InvalidRequest } from '../../actors/job/mod.ts';
import { connectGrid, connectionArgs } from './connect.ts';
import { printJson } from './print.ts';

export const redrive = defineCommand({
  meta: { name: 'redrive', description: 'Give dead letters to their actors once more' },
  args: {
    ...connectionArgs,
    seq: {
      type: 'positional',
      description: 'sequences of dead letters',
      required: false,
      valueHint: 'SEQ...',
    },
    all: { type: 'boolean', description: 'every one there is now' },
    kind: { type: 'string', description: 'with --all: to actors of this kind', valueHint: 'KIND' },
    json: { type: 'boolean', description: 'print JSON' },
  },
  run: async ({ args }) => {
    const asked = parseSequences(args._);
    if (asked.length > 0 === (args.all === true)) {
      throw new InvalidRequest('say which dead letters', 'seq', 'sequences such as 3 4, or --all');
    }
    if (args.kind !== undefined && !args.all) {
      throw new InvalidRequest('--kind goes with --all', '--kind', 'redrive --all --kind KIND');
    }
    await using grid = await connectGrid(args, 'operator');
    const seqs = args.all ? (await grid.deadLetters.all(args.kind)).map(({ seq }) => seq) : asked;
    const { redriven, missing } = await grid.deadLetters.redrive(seqs);
    if (args.json) printJson({ redriven, missing });
    else {
      process.stdout.write(`${redriven.length} redriven\n`);
      if (missing.length > 0) process.stderr.write(`there is no dead letter ${missing.join(', ')}\n`);
    }
    if (missing.length > 0) process.exitCode = 1;
  },
});

function parseSequences(words: readonly string[]): number[] {
  return words.map((word) => {
    const seq = Number(word);
    if (Number.isSafeInteger(seq) && seq >= 1) return seq;
    throw new InvalidRequest(
      `${word} is no sequence of a dead letter`,
      'seq',
      'as `dead-letters` lists them',
    );
  });
}
