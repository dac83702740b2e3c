/** `npm run bench -- NAME [--json] [--runs N] [--seeds N] [--from S]`: runs one benchmark; with --json the last line is one JSON object. */
import { parseArgs } from 'node:util';
import { actors } from './actors.ts';
import type { Benchmark } from './benchmark.ts';
import { checkpoint } from './checkpoint.ts';
import { failover } from './failover.ts';
import { footprint } from './footprint.ts';
import { forecast } from './forecast.ts';
import { hotplug } from './hotplug.ts';
import { libvirt } from './libvirt.ts';
import { migrate } from './migrate.ts';
import { preprovision } from './preprovision.ts';
import { rpc } from './rpc.ts';
import { sampler } from './sampler.ts';
import { simulation } from './simulation.ts';
import { submit } from './submit.ts';

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  preprovision,
  submit,
  failover,
  migrate,
  footprint,
  actors,
  checkpoint,
  hotplug,
  rpc,
  sampler,
  simulation,
  libvirt,
  forecast: ({ log }) => forecast({ json: false, log }),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    runs: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string' },
  },
});
const [name = ''] = positionals;
const benchmark = BENCHMARKS[name];
const number = (text: string | undefined) => (text === undefined ? undefined : Number(text));
const [runs, seeds, from] = [values.runs, values.seeds, values.from].map(number);
const isCount = (value: number | undefined) => value === undefined || (Number.isInteger(value) && value > 0);
if (benchmark === undefined || ![runs, seeds, from].every(isCount)) {
  process.stderr.write(
    `usage: npm run bench -- ${Object.keys(BENCHMARKS).join('|')} [--json] [--runs N] [--seeds N] [--from S]\n`,
  );
  process.exit(2);
}
const log = (line: string) => (values.json ? process.stderr : process.stdout).write(`${line}\n`);
const figures = await benchmark({ log, runs, seeds, from });
if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
else
  for (const [key, value] of Object.entries(figures))
    process.stdout.write(`${key.padEnd(28)} ${JSON.stringify(value)}\n`);
