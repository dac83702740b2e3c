/** Messages of a host actor, and what it asks for once its state has changed. */
import { z } from 'zod';
import type { WireError } from '../../runtime/mod.ts';
import {
  type Operation,
  type OperationReport,
  type OperationUnderWay,
  operationSchema,
} from './operations/mod.ts';
import type {
  Allocation,
  HostInfo,
  HypervisorCapabilities,
  MigrationTarget,
  WarmCapacity,
} from './port/mod.ts';
import { CRITICALITIES } from './telemetry/mod.ts';
import type { HostView } from './view.ts';

const allocation = z.object({ cores: z.number(), vcpus: z.number(), memoryMiB: z.number() });
const wireError = z.object({
  code: z.string(),
  message: z.string(),
  field: z.string().optional(),
  hint: z.string().optional(),
  retryable: z.boolean().optional(),
});

/** One change to one domain, with why. */
export const directiveSchema = z.object({
  id: z.string(),
  jobId: z.string(),
  domain: z.string(),
  resource: z.enum(['cores', 'vcpus', 'memoryMiB']),
  from: z.number(),
  to: z.number(),
  reason: z.object({
    rule: z.enum(['forecast', 'held-back', 'release', 'reactive-raise', 'reactive-lower']),
    use: z.number(),
    demand: z.number(),
    quantile: z.number().optional(),
    aheadMs: z.number().optional(),
  }),
  /** Decided at, ms since the epoch. */
  at: z.number(),
});
export type Directive = z.infer<typeof directiveSchema>;

/** What a host must know to run a job. */
export const tenantSchema = z.object({
  jobId: z.string(),
  domain: z.string(),
  image: z.string(),
  /** Shell text that the guest runs. */
  command: z.string(),
  allocation,
  limit: allocation,
  deadlineSeconds: z.number().optional(),
  /** How often it is sampled. Default `normal`. */
  criticality: z.enum(CRITICALITIES).optional(),
  /** When its command started, ms since the epoch, if it did: its deadline counts from there. */
  startedAt: z.number().optional(),
});
export type Tenant = z.infer<typeof tenantSchema>;

export const hostMessage = z.discriminatedUnion('type', [
  /** The hypervisor answered. `found` are domains of ours that were running already. */
  z.object({
    type: z.literal('opened'),
    info: z.custom<HostInfo>(),
    capabilities: z.custom<HypervisorCapabilities>(),
    found: z.array(
      z.object({
        name: z.string(),
        jobId: z.string(),
        allocation,
        warm: z.object({ vcpus: z.number(), memoryMiB: z.number() }).optional(),
      }),
    ),
    /** Migrations of an earlier host agent that are not settled yet. */
    underWay: z.array(z.custom<OperationUnderWay>()).optional(),
    /** How others move VMs here; absent where that cannot be done. */
    target: z.custom<MigrationTarget>().optional(),
  }),
  z.object({ type: z.literal('unreachable'), error: wireError }),
  z.object({
    type: z.literal('ensure'),
    tenant: tenantSchema,
    /** False when the command may have started already: then a missing domain is a loss, not a new start. */
    mayCreate: z.boolean(),
  }),
  z.object({ type: z.literal('release'), jobId: z.string() }),
  /** The domain is gone: its room is free again. */
  z.object({ type: z.literal('released'), jobId: z.string() }),
  z.object({ type: z.literal('directive'), directive: directiveSchema }),
  z.object({ type: z.literal('settled'), settlement: z.custom<Settlement>() }),
  /** Do something to a job's VM. With `dryRun` only the answer is meant: whether it would be begun. */
  z.object({ type: z.literal('operate'), operation: operationSchema, dryRun: z.boolean().optional() }),
  z.object({ type: z.literal('operated'), report: z.custom<OperationReport>() }),
  z.object({ type: z.literal('cancel-operation'), id: z.string() }),
  /** Another host wants to move a VM here: keep room for it until it arrives, is called off, or is too late. */
  z.object({
    type: z.literal('expect'),
    jobId: z.string(),
    domain: z.string(),
    allocation,
    withinMs: z.number().positive(),
  }),
  z.object({ type: z.literal('arrived'), jobId: z.string(), domain: z.string() }),
  z.object({ type: z.literal('called-off'), jobId: z.string() }),
  /** Take no more jobs. */
  z.object({ type: z.literal('drain') }),
  z.object({ type: z.literal('describe') }),
]);
export type HostMessage = z.infer<typeof hostMessage>;

/** How a directive ended. */
export interface Settlement {
  readonly directive: Directive;
  readonly outcome: 'applied' | 'partial' | 'refused' | 'failed';
  /** What the domain has of the resource now. */
  readonly granted: number;
  /** From the directive's arrival at the host to the hypervisor's answer. */
  readonly tookMs: number;
  readonly at: number;
  readonly error?: WireError;
}

export interface Residence {
  readonly jobId: string;
  readonly domain: string;
  readonly allocation: Allocation;
  /** Plugged but not in use yet: taken from the host all the same. */
  readonly warm?: WarmCapacity;
  readonly leaving: boolean;
}

/** Room that is kept for a VM on its way here. */
export interface Reservation {
  readonly jobId: string;
  readonly domain: string;
  readonly allocation: Allocation;
}

export interface HostContext {
  readonly name: string;
  readonly pool: string;
  readonly info: HostInfo | undefined;
  readonly capabilities: HypervisorCapabilities | undefined;
  /** By job id. */
  readonly residents: Readonly<Record<string, Residence>>;
  /** By job id. */
  readonly reservations: Readonly<Record<string, Reservation>>;
  readonly target: MigrationTarget | undefined;
  /** Under way, by id; one per job. */
  readonly operations: Readonly<Record<string, OperationUnderWay>>;
  /** The newest, oldest first. */
  readonly reports: readonly OperationReport[];
  readonly error: WireError | undefined;
}

export type HostEffect =
  | { readonly type: 'ensure'; readonly tenant: Tenant; readonly mayCreate: boolean }
  | { readonly type: 'release'; readonly jobId: string; readonly domain: string }
  | {
      readonly type: 'apply';
      readonly directive: Directive;
      /** What there is room for, at most `directive.to`. */
      readonly grant: number;
    }
  | { readonly type: 'operate'; readonly operation: Operation; readonly domain: string }
  | { readonly type: 'cancel-operation'; readonly id: string }
  | { readonly type: 'report'; readonly report: OperationReport }
  | { readonly type: 'expect'; readonly jobId: string; readonly withinMs: number }
  | { readonly type: 'announce'; readonly view: HostView }
  | { readonly type: 'settled'; readonly settlement: Settlement }
  /** Domains found at the start: whose jobs have ended are removed. */
  | { readonly type: 'reconcile'; readonly residents: readonly Residence[] };
