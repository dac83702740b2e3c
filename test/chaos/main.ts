/** `npm run -s chaos -- --rounds N [--seed S] [--json]`: kills and freezes real nodes and nats-servers under load. */
import { parseArgs } from 'node:util';
import { type ChaosFigures, runChaos } from './chaos.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    seed: { type: 'string' },
    json: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
if (!(Number.isInteger(rounds) && rounds > 0 && Number.isInteger(seed) && seed >= 0)) {
  process.stderr.write('usage: npm run chaos -- [--rounds N] [--seed S] [--json] [--verbose]\n');
  process.exit(2);
}

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => interrupted.abort(new Error(`ended by ${signal}`)));
const log = (line: string) => process.stderr.write(`${line}\n`);
try {
  const figures = await runChaos({ rounds, seed, log, verbose: values.verbose, signal: interrupted.signal });
  if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
  else
    for (const [key, value] of Object.entries(figures)) process.stdout.write(`${key.padEnd(16)} ${value}\n`);
  process.exit(isClean(figures) ? 0 : 1);
} catch (error) {
  log(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exit(1);
}

function isClean({ lost, duplicated, doubleOwners, disordered }: ChaosFigures): boolean {
  return lost + duplicated + doubleOwners + disordered === 0;
}
