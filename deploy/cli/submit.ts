/** `shadowgrid submit`: a job from options, or from a JSON file. */
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { text } from 'node:stream/consumers';
import { defineCommand } from 'citty';
import { InvalidRequest, type JobRequestInput } from '../../actors/job/mod.ts';
import { parseNumber } from './arguments.ts';
import { connectGrid, connectionArgs } from './connect.ts';
import { printJson } from './print.ts';
import { showWatch } from './watch.ts';

export const submit = defineCommand({
  meta: { name: 'submit', description: 'Submit a job: shadowgrid submit [options] -- COMMAND' },
  args: {
    ...connectionArgs,
    file: {
      type: 'string',
      alias: 'f',
      description: 'JSON file with a job, or {"jobs": [...]}; - for stdin',
    },
    application: { type: 'string', alias: 'a', description: 'name of the application; default: the command' },
    user: { type: 'string', description: 'default: you' },
    image: { type: 'string', description: 'guest image; default tiny' },
    pool: { type: 'string', description: 'pool of hosts; default general-purpose' },
    cores: { type: 'string', description: 'cores it starts with' },
    memory: { type: 'string', description: 'MiB it starts with' },
    'max-cores': { type: 'string', description: 'most cores its shadow may give it' },
    'max-memory': { type: 'string', description: 'most MiB its shadow may give it' },
    priority: { type: 'string', description: '0 (last) to 100 (first)' },
    policy: { type: 'string', description: 'forecast, reactive or fixed' },
    confidence: { type: 'string', description: 'quantile of demand to provide for, 0.5 to 0.99' },
    after: { type: 'string', description: 'ids of jobs it waits for, with commas' },
    key: { type: 'string', description: 'idempotency key' },
    watch: { type: 'boolean', alias: 'w', description: 'watch it until it has ended' },
    json: { type: 'boolean', description: 'print the answer as JSON' },
  },
  run: async ({ args }) => {
    await using grid = await connectGrid(args);
    const request = args.file === undefined ? fromOptions(args) : await fromFile(args.file);
    const answer = await grid.jobs.submit(request as JobRequestInput);
    const jobs = 'jobs' in answer ? (answer.jobs as (typeof answer)[]) : [answer];
    if (args.json) printJson(answer);
    else
      for (const job of jobs)
        process.stdout.write(`${job.id}${job.existing ? '  (was there already)' : ''}\n`);
    if (args.watch && jobs[0] !== undefined) process.exitCode = await showWatch(grid.jobs, jobs[0].id);
  },
});

type Options = { readonly [name: string]: unknown; readonly _: string[] };

function fromOptions(args: Options): object {
  const option = (name: string) => args[name] as string | undefined;
  const number = (name: string) => parseNumber(name, option(name));
  const command = shellText(args._);
  if (command === '')
    throw new InvalidRequest('there is no command', 'command', 'put it after --, or use --file');
  const resources = defined({
    cores: number('cores'),
    memoryMiB: number('memory'),
    maxCores: number('max-cores'),
    maxMemoryMiB: number('max-memory'),
  });
  const shadow = defined({ policy: option('policy'), confidence: number('confidence') });
  return defined({
    application: option('application') ?? (args._[0] ?? '').replace(/.*\//, '').split(' ')[0],
    user: option('user') ?? userInfo().username,
    command,
    image: option('image'),
    pool: option('pool'),
    priority: number('priority'),
    dependencies: option('after')?.split(','),
    idempotencyKey: option('key'),
    resources,
    shadow,
  });
}

/** One word is shell text as it stands; several are a command with its arguments, each kept whole. */
function shellText(words: readonly string[]): string {
  if (words.length <= 1) return words[0] ?? '';
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}

async function fromFile(path: string): Promise<object> {
  const content = path === '-' ? await text(process.stdin) : await readFile(path, 'utf8');
  try {
    return JSON.parse(content);
  } catch (cause) {
    throw new InvalidRequest(`${path} is not JSON: ${(cause as Error).message}`, '--file', 'one JSON object');
  }
}

function defined(object: Record<string, unknown>): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
