/** Pure decisions of a host: is there room, what can be granted, what others see of it. */
import type { WireError } from '../../runtime/mod.ts';
import type { Directive, HostContext, Reservation, Residence, Settlement, Tenant } from './messages.ts';
import type { Operation, OperationReport, OperationUnderWay, Task, TaskResult } from './operations/mod.ts';
import type { Allocation } from './port/mod.ts';
import type { Amount, HostView } from './view.ts';

/** What is left of the host when its residents, and those on their way to it, use all they are allowed or have warm. */
export function freeRoom(context: HostContext): Amount {
  const { cores = 0, memoryMiB = 0 } = context.info ?? {};
  const taken = [...Object.values(context.residents), ...Object.values(context.reservations)].map(takenBy);
  return {
    cores: cores - taken.reduce((sum, amount) => sum + amount.cores, 0),
    memoryMiB: memoryMiB - taken.reduce((sum, amount) => sum + amount.memoryMiB, 0),
  };
}

/** Warm vCPUs take no core before they run: the quota is the measure. Warm memory is there already. */
function takenBy({ allocation, warm }: Pick<Residence, 'allocation' | 'warm'>): Amount {
  return { cores: allocation.cores, memoryMiB: allocation.memoryMiB + (warm?.memoryMiB ?? 0) };
}

/**
 * Why the host cannot take a tenant now; undefined if it can. A tenant that lives here already is always welcome, and
 * so is one that must not be created: that its domain is gone is found out at once, and must not wait for room.
 */
export function refusal(context: HostContext, tenant: Tenant, mayCreate: boolean): WireError | undefined {
  const { leaving } = context.residents[tenant.jobId] ?? {};
  if (leaving) {
    return {
      code: 'job-leaving',
      message: `the VM of job ${tenant.jobId} is being removed`,
      retryable: true,
    };
  }
  if (operationOn(context, tenant.jobId)?.operation.task.kind === 'migrate') {
    const message = `the VM of job ${tenant.jobId} is being moved`;
    return { code: 'domain-busy', message, retryable: true };
  }
  if (leaving === false || !mayCreate) return undefined;
  return lackOf(context, tenant.allocation);
}

/** Why the host has no room for so much; undefined if it has. */
function lackOf(context: HostContext, amount: Amount): WireError | undefined {
  const room = freeRoom(context);
  const lacks = (what: string, wanted: number, left: number): WireError => ({
    code: 'no-room',
    message: `host ${context.name} has ${left.toFixed(2)} ${what} left, the job needs ${wanted}`,
    retryable: true,
  });
  if (amount.cores > Math.max(0, room.cores) + 1e-9) return lacks('cores', amount.cores, room.cores);
  if (amount.memoryMiB > room.memoryMiB) return lacks('MiB', amount.memoryMiB, room.memoryMiB);
  return undefined;
}

/** Why a VM may not be moved here; undefined if it may. */
export function arrivalRefusal(
  context: HostContext,
  arrival: Pick<Reservation, 'jobId' | 'allocation'>,
): WireError | undefined {
  const { jobId, allocation } = arrival;
  if (context.residents[jobId] !== undefined) {
    return { code: 'already-here', message: `job ${jobId} lives on host ${context.name}` };
  }
  if (context.reservations[jobId] !== undefined) return undefined;
  return lackOf(context, allocation);
}

/** The operation that is under way on the job's VM. */
export function operationOn(context: HostContext, jobId: string): OperationUnderWay | undefined {
  return Object.values(context.operations).find(({ operation }) => operation.jobId === jobId);
}

/** Whether the operation is under way, or over: asking for it again begins no second one. */
export function isKnown({ operations, reports }: HostContext, { id }: Operation): boolean {
  return operations[id] !== undefined || reports.some(({ operation }) => operation.id === id);
}

/** Why an operation cannot be begun now; undefined if it can. */
export function operationRefusal(context: HostContext, operation: Operation): WireError | undefined {
  const { jobId, task } = operation;
  const residence = context.residents[jobId];
  if (residence === undefined || residence.leaving) {
    return {
      code: 'domain-not-found',
      message: `no VM of job ${jobId} is on host ${context.name}`,
      field: 'jobId',
      hint: 'see where it runs: shadowgrid job ID',
    };
  }
  const other = operationOn(context, jobId);
  if (other !== undefined) {
    const { id: otherId, task: otherTask } = other.operation;
    return {
      code: 'domain-busy',
      message: `operation ${otherId} (${otherTask.kind}) is under way on the VM of job ${jobId}`,
      hint: 'wait for it, or cancel it',
      retryable: true,
    };
  }
  return lackingFor(context, task) ?? lackOfMemory(context, residence, task);
}

/** Warm memory is taken from the host as soon as it is warm. */
function lackOfMemory(context: HostContext, residence: Residence, task: Task): WireError | undefined {
  if (task.kind !== 'warm') return undefined;
  const memoryMiB = task.memoryMiB - takenBy(residence).memoryMiB;
  return memoryMiB > 0 ? lackOf(context, { cores: 0, memoryMiB }) : undefined;
}

/** What the host would have to be able to do. */
function lackingFor(context: HostContext, task: Task): WireError | undefined {
  const capabilities = context.capabilities;
  const needed = {
    checkpoint: 'checkpoints',
    'verify-checkpoint': 'checkpoints',
    'remove-checkpoint': 'checkpoints',
    'roll-back': 'checkpoints',
    migrate: 'migration',
  } as const;
  const capability = needed[task.kind as keyof typeof needed];
  if (capabilities === undefined || capability === undefined || capabilities[capability] !== 'none') return;
  const why = capabilities.lacking[capability] ?? 'its driver cannot';
  return { code: 'capability-missing', message: `host ${context.name} has no ${capability}: ${why}` };
}

/** How much of a directive there is room for: all of it, a part, or (raises only) nothing beyond what it has. */
export function grantOf(context: HostContext, directive: Directive): number {
  const has = context.residents[directive.jobId]?.allocation[directive.resource];
  if (has === undefined) return directive.from;
  if (directive.to <= has || directive.resource === 'vcpus') return directive.to;
  const left = Math.max(0, freeRoom(context)[directive.resource]);
  return Math.min(directive.to, has + left);
}

/** Who lives here once an operation is over: one that moved away is gone, one that was rolled back has what it had. */
export function residentsAfter(
  residents: HostContext['residents'],
  report: OperationReport,
): HostContext['residents'] {
  const { jobId, task } = report.operation;
  const residence = residents[jobId];
  if (residence === undefined || report.outcome !== 'done') return residents;
  if (task.kind === 'migrate') {
    const { [jobId]: _, ...left } = residents;
    return left;
  }
  return { ...residents, [jobId]: withResult(residence, task, report.result ?? {}) };
}

function withResult(residence: Residence, task: Task, result: TaskResult): Residence {
  const { warm: _, ...rest } = residence;
  if ('warm' in result) return { ...rest, warm: result.warm };
  if ('allocation' in result) return { ...rest, allocation: result.allocation };
  if ('status' in result) {
    const { allocation, warm } = result.status;
    return { ...rest, allocation, ...(warm !== undefined && { warm }) };
  }
  return task.kind === 'cool' ? rest : residence;
}

/** The settlement of a directive that must not be carried out now; undefined if it may. */
export function postponement(context: HostContext, directive: Directive): Settlement | undefined {
  const other = operationOn(context, directive.jobId);
  if (other === undefined) return undefined;
  const { id, task } = other.operation;
  const error = {
    code: 'domain-busy',
    message: `operation ${id} (${task.kind}) is under way`,
    retryable: true,
  };
  return { directive, outcome: 'refused', granted: directive.from, tookMs: 0, at: directive.at, error };
}

export function withGrant(allocation: Allocation, resource: keyof Allocation, granted: number): Allocation {
  return { ...allocation, [resource]: granted };
}

export function hostView(context: HostContext, accepting: boolean): HostView {
  return {
    name: context.name,
    kind: context.capabilities?.kind ?? 'libvirt',
    version: context.info?.version ?? 'not reached yet',
    pool: context.pool,
    accepting,
    capacity: { cores: context.info?.cores ?? 0, memoryMiB: context.info?.memoryMiB ?? 0 },
    free: freeRoom(context),
    domains: Object.keys(context.residents).length,
  };
}
