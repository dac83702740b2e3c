/** `npm run bench -- NAME [--json] [--runs N]`: runs one benchmark; with --json the last line is one JSON object. */
import { parseArgs } from 'node:util';
import { actors } from './actors.ts';
import type { Benchmark } from './benchmark.ts';
import { footprint } from './footprint.ts';
import { forecast } from './forecast.ts';
import { preprovision } from './preprovision.ts';
import { rpc } from './rpc.ts';
import { submit } from './submit.ts';

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  preprovision,
  submit,
  footprint,
  actors,
  rpc,
  forecast: ({ log }) => forecast({ json: false, log }),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, runs: { type: 'string' } },
});
const [name = ''] = positionals;
const benchmark = BENCHMARKS[name];
const runs = values.runs === undefined ? undefined : Number(values.runs);
if (benchmark === undefined || (runs !== undefined && !(Number.isInteger(runs) && runs > 0))) {
  process.stderr.write(`usage: npm run bench -- ${Object.keys(BENCHMARKS).join('|')} [--json] [--runs N]\n`);
  process.exit(2);
}
const log = (line: string) => (values.json ? process.stderr : process.stdout).write(`${line}\n`);
const figures = await benchmark({ log, runs });
if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
else
  for (const [key, value] of Object.entries(figures))
    process.stdout.write(`${key.padEnd(28)} ${JSON.stringify(value)}\n`);
