/** `shadowgrid jobs`, `job` and `cancel`: what was submitted, and one of it. */
import { defineCommand } from 'citty';
import { z } from 'zod';
import { JOB_STATES, type JobState, parse } from '../../actors/job/mod.ts';
import { connectGrid, connectionArgs } from './connect.ts';
import { JOB_HEADER, jobRow, printJson, table } from './print.ts';
import { showWhy } from './why.ts';

const json = { type: 'boolean', description: 'print JSON' } as const;
const id = { type: 'positional', description: 'id of the job', required: true } as const;

export const jobs = defineCommand({
  meta: { name: 'jobs', description: 'List jobs, newest first' },
  args: {
    ...connectionArgs,
    user: { type: 'string', description: 'only of this user' },
    only: { type: 'string', description: `only in this state: ${JOB_STATES.join(', ')}`, valueHint: 'STATE' },
    json,
  },
  run: async ({ args }) => {
    await using grid = await connectGrid(args);
    const state = args.only === undefined ? undefined : parse(z.enum(JOB_STATES), args.only, '--only');
    const found = await grid.jobs.list({
      ...(args.user !== undefined && { user: args.user }),
      ...(state !== undefined && { state: state as JobState }),
    });
    if (args.json) printJson({ jobs: found });
    else process.stdout.write(`${table(JOB_HEADER, found.map(jobRow))}\n`);
  },
});

export const job = defineCommand({
  meta: { name: 'job', description: 'Show one job, or its output' },
  args: {
    ...connectionArgs,
    id,
    output: { type: 'boolean', alias: 'o', description: 'print its output' },
    why: { type: 'boolean', description: 'what its shadow changed lately, and why' },
    json,
  },
  run: async ({ args }) => {
    if (args.why) return await showWhy(args.state, args.id, args.json === true);
    await using grid = await connectGrid(args);
    if (args.output) {
      for (let offset = 0; ; ) {
        const chunk = await grid.jobs.output(args.id, { offset });
        process.stdout.write(chunk.text);
        if (chunk.complete || chunk.text === '') return;
        offset = chunk.next;
      }
    }
    const found = await grid.jobs.status(args.id);
    if (args.json) printJson(found);
    else process.stdout.write(`${table(JOB_HEADER, [jobRow(found)])}\n`);
  },
});

export const cancel = defineCommand({
  meta: { name: 'cancel', description: 'Cancel a job; its VM ends' },
  args: { ...connectionArgs, id, json },
  run: async ({ args }) => {
    await using grid = await connectGrid(args);
    const ended = await grid.jobs.cancel(args.id);
    if (args.json) printJson(ended);
    else process.stdout.write(`${ended.id} ${ended.state}\n`);
  },
});
