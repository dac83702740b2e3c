/** `shadowgrid jobs`, `job`, `cancel` and `hosts`: what there is, and one of it. */
import { defineCommand } from 'citty';
import { z } from 'zod';
import type { HostView } from '../../actors/host/mod.ts';
import { JOB_STATES, type JobState, parse } from '../../actors/job/mod.ts';
import { findGrid, gridPaths, NoGrid } from '../local/mod.ts';
import { connectGrid, connectionArgs } from './connect.ts';
import { JOB_HEADER, jobRow, printJson, table } from './print.ts';

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
    json,
  },
  run: async ({ args }) => {
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

export const hosts = defineCommand({
  meta: { name: 'hosts', description: 'List hosts and their room' },
  args: { state: connectionArgs.state, json },
  run: async ({ args }) => {
    const { record } = gridPaths(args.state);
    const { adminUrl } = await findGrid(record);
    if (adminUrl === undefined) throw new NoGrid(record);
    const answer = (await (await fetch(`${adminUrl}/api/hosts`)).json()) as { hosts: HostView[] };
    if (args.json) return printJson(answer);
    const rows = answer.hosts.map((host) => [
      host.name,
      host.kind,
      host.pool,
      host.accepting ? 'yes' : 'no',
      `${host.free.cores.toFixed(2)} of ${host.capacity.cores}`,
      `${Math.round(host.free.memoryMiB)} of ${host.capacity.memoryMiB}`,
      String(host.domains),
      host.version,
    ]);
    const header = ['HOST', 'KIND', 'POOL', 'ACCEPTS', 'CORES FREE', 'MIB FREE', 'VMS', 'VERSION'];
    process.stdout.write(`${table(header, rows)}\n`);
  },
});
