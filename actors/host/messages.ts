/** Messages of a host actor, and what it asks for once its state has changed. */
import { z } from 'zod';
import type { WireError } from '../../runtime/mod.ts';
import type { Allocation, HostInfo, HypervisorCapabilities } from './port.ts';
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
    found: z.array(z.object({ name: z.string(), jobId: z.string(), allocation })),
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
  readonly leaving: boolean;
}

export interface HostContext {
  readonly name: string;
  readonly pool: string;
  readonly info: HostInfo | undefined;
  readonly capabilities: HypervisorCapabilities | undefined;
  /** By job id. */
  readonly residents: Readonly<Record<string, Residence>>;
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
  | { readonly type: 'announce'; readonly view: HostView }
  | { readonly type: 'settled'; readonly settlement: Settlement }
  /** Domains found at the start: whose jobs have ended are removed. */
  | { readonly type: 'reconcile'; readonly residents: readonly Residence[] };
