/** Pure decisions of a host: is there room, what can be granted, what others see of it. */
import type { WireError } from '../../runtime/mod.ts';
import type { Directive, HostContext, Tenant } from './messages.ts';
import type { Allocation } from './port.ts';
import type { Amount, HostView } from './view.ts';

/** What is left of the host when its residents use all they are allowed now. */
export function freeRoom(context: HostContext): Amount {
  const { cores = 0, memoryMiB = 0 } = context.info ?? {};
  const residents = Object.values(context.residents);
  return {
    cores: cores - residents.reduce((sum, r) => sum + r.allocation.cores, 0),
    memoryMiB: memoryMiB - residents.reduce((sum, r) => sum + r.allocation.memoryMiB, 0),
  };
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
  if (leaving === false || !mayCreate) return undefined;
  const room = freeRoom(context);
  const lacks = (what: string, wanted: number, left: number): WireError => ({
    code: 'no-room',
    message: `host ${context.name} has ${left.toFixed(2)} ${what} left, the job starts with ${wanted}`,
    retryable: true,
  });
  if (tenant.allocation.cores > room.cores + 1e-9) return lacks('cores', tenant.allocation.cores, room.cores);
  if (tenant.allocation.memoryMiB > room.memoryMiB) {
    return lacks('MiB', tenant.allocation.memoryMiB, room.memoryMiB);
  }
  return undefined;
}

/** How much of a directive there is room for: all of it, a part, or (raises only) nothing beyond what it has. */
export function grantOf(context: HostContext, directive: Directive): number {
  const has = context.residents[directive.jobId]?.allocation[directive.resource];
  if (has === undefined) return directive.from;
  if (directive.to <= has || directive.resource === 'vcpus') return directive.to;
  const left = Math.max(0, freeRoom(context)[directive.resource]);
  return Math.min(directive.to, has + left);
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
