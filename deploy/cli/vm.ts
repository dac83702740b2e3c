/** `shadowgrid vm JOB ACTION`: checkpoints, rollbacks, warm capacity, limits and migration of a job's VM. */
import { randomUUID } from 'node:crypto';
import { styleText } from 'node:util';
import { defineCommand } from 'citty';
import type { OperationEvent, VmClient } from '../../actors/gateway/mod.ts';
import type { Checkpoint, OperationReport, Task } from '../../actors/host/mod.ts';
import { GridError } from '../../runtime/mod.ts';
import { parseSeconds } from './arguments.ts';
import { connectGrid, connectionArgs } from './connect.ts';
import { printJson, table } from './print.ts';
import { untilSignal } from './signals.ts';
import { ACTIONS, taskOf } from './vm-task.ts';

const text = (description: string) => ({ type: 'string', description }) as const;
const actions = Object.entries(ACTIONS).map(([name, { usage }]) => `${name} ${usage}`.trimEnd());

export const vm = defineCommand({
  meta: {
    name: 'vm',
    description: `Do something to a job's VM: ${[...actions, 'checkpoints', 'operations', 'cancel OPERATION'].join('; ')}`,
  },
  args: {
    ...connectionArgs,
    job: { type: 'positional', description: 'id of the job', required: true },
    action: { type: 'positional', description: 'what to do', required: true },
    subject: { type: 'positional', description: 'checkpoint, disk, host or operation', required: false },
    why: text('for the record: what it is for'),
    deadline: text('seconds it may take; then it is undone'),
    'dry-run': { type: 'boolean', description: 'only say whether it would be begun' },
    keep: text('checkpoints to keep, the oldest go first'),
    vcpus: text('vCPUs to have ready'),
    memory: text('MiB to have ready'),
    'read-mbps': text('MB/s; 0: no limit'),
    'write-mbps': text('MB/s; 0: no limit'),
    'read-iops': text('operations a second; 0: no limit'),
    'write-iops': text('operations a second; 0: no limit'),
    'in-mbps': text('Mbit/s into the VM; 0: no limit'),
    'out-mbps': text('Mbit/s out of the VM; 0: no limit'),
    downtime: text('ms that the VM may stand still'),
    'post-copy': { type: 'boolean', description: 'switch first where copying does not come to an end' },
    cold: text('stop it for the move: never, fallback or only'),
    json: { type: 'boolean', description: 'one JSON object a line' },
  },
  run: async ({ args }) => {
    await using grid = await connectGrid(args, 'operator');
    const { job, action, subject, json = false } = args;
    if (action === 'checkpoints') return showCheckpoints(await grid.vms.checkpoints(job), json);
    if (action === 'operations') return showOperations(await grid.vms.list(job), json);
    if (action === 'cancel') return await grid.vms.cancel(job, subject ?? '');
    const deadlineMs = parseSeconds('deadline', args.deadline);
    const options = {
      ...(args.why !== undefined && { why: args.why }),
      ...(deadlineMs !== undefined && { deadlineMs }),
      ...(args['dry-run'] === true && { dryRun: true }),
    };
    const task = taskOf(action, subject, args);
    process.exitCode = await follow(grid.vms, job, task, options, json ? printJson : show);
  },
});

/** Resolves with an exit status. Ctrl-C cancels the operation and waits for it to be undone. */
async function follow(
  vms: VmClient,
  job: string,
  task: Task,
  options: Parameters<VmClient['operate']>[2],
  tell: (event: OperationEvent) => void,
): Promise<number> {
  const id = randomUUID();
  void untilSignal().then(() => vms.cancel(job, id).catch(() => {}));
  for await (const event of vms.operate(job, task, { ...options, id })) {
    tell(event);
    if (event.type === 'report') return event.report.outcome === 'done' ? 0 : 1;
    if (event.type === 'would-begin') return 0;
  }
  throw new GridError('report-missing', `operation ${id} goes on, but nothing more is told of it`, {
    hint: `shadowgrid vm ${job} operations`,
  });
}

function show(event: OperationEvent): void {
  process.stdout.write(`${lineOf(event)}\n`);
}

function lineOf(event: OperationEvent): string {
  switch (event.type) {
    case 'begun':
      return `operation ${event.id} on ${event.host}`;
    case 'would-begin':
      return `it would be begun on ${event.host}`;
    case 'progress': {
      const { phase, ...numbers } = event.progress;
      const said = Object.entries(numbers).map(([name, value]) => `${name} ${Math.round(value * 100) / 100}`);
      return `  ${[phase, ...said].join('  ')}`;
    }
    case 'report':
      return reportLine(event.report);
  }
}

function reportLine({ outcome, error, result = {}, tookMs }: OperationReport): string {
  const style = outcome === 'done' ? 'green' : outcome === 'cancelled' ? 'yellow' : 'red';
  const said = [
    styleText(style, outcome),
    `in ${Math.round(tookMs)} ms`,
    'checkpoint' in result &&
      `checkpoint ${result.checkpoint.id}, paused ${Math.round(result.checkpoint.pausedMs)} ms`,
    'migration' in result && `stood still for ${Math.round(result.migration.downtimeMs)} ms`,
    'warm' in result && `${result.warm.vcpus} vCPU and ${result.warm.memoryMiB} MiB are warm`,
    error?.message,
  ];
  return said.filter(Boolean).join('  ');
}

function showCheckpoints(checkpoints: readonly Checkpoint[], json: boolean): void {
  const rows = checkpoints.map(({ id, at, bytes, allocation, verifiedAt }) => [
    id,
    new Date(at).toISOString(),
    `${Math.ceil(bytes / 2 ** 20)}`,
    `${allocation.vcpus} vCPU, ${allocation.memoryMiB} MiB`,
    verifiedAt === undefined ? 'no' : new Date(verifiedAt).toISOString(),
  ]);
  if (json) printJson({ checkpoints });
  else process.stdout.write(`${table(['CHECKPOINT', 'TAKEN', 'MIB', 'OF', 'VERIFIED'], rows)}\n`);
}

function showOperations({ underWay, reports }: Awaited<ReturnType<VmClient['list']>>, json: boolean): void {
  const rows = [
    ...reports.map((report) => [
      report.operation.id,
      report.operation.task.kind,
      report.host,
      reportLine(report),
      report.operation.why,
    ]),
    ...underWay.map(({ operation, host }) => [
      operation.id,
      operation.task.kind,
      host,
      'under way',
      operation.why,
    ]),
  ];
  if (json) printJson({ underWay, reports });
  else process.stdout.write(`${table(['OPERATION', 'WHAT', 'HOST', 'HOW IT WENT', 'WHY'], rows)}\n`);
}
