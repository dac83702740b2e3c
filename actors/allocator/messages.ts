/** Messages of the allocator actor. */
import { z } from 'zod';
import type { Directive, Settlement } from '../host/mod.ts';
import type { WardSpec } from './ward.ts';

export const allocatorMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('worker-ready'), forecaster: z.string() }),
  z.object({ type: z.literal('worker-exited'), reason: z.string() }),
  z.object({ type: z.literal('degraded'), reason: z.string() }),
  z.object({ type: z.literal('track'), ward: z.custom<WardSpec>() }),
  z.object({ type: z.literal('untrack'), jobId: z.string() }),
  z.object({ type: z.literal('directives'), directives: z.array(z.custom<Directive>()) }),
  z.object({ type: z.literal('settled'), settlement: z.custom<Settlement>() }),
  z.object({ type: z.literal('describe') }),
]);
export type AllocatorMessage = z.infer<typeof allocatorMessage>;

export interface AllocatorContext {
  /** By job id; handed to every new worker. */
  readonly wards: Readonly<Record<string, WardSpec>>;
  /** Name of the forecaster in use. */
  readonly forecaster: string | undefined;
  readonly degraded: string | undefined;
  readonly restarts: number;
}

export type AllocatorEffect =
  | { readonly type: 'start-worker'; readonly attempt: number }
  | { readonly type: 'track'; readonly ward: WardSpec }
  | { readonly type: 'untrack'; readonly jobId: string }
  | {
      readonly type: 'direct';
      readonly host: string;
      readonly directive: Directive;
      readonly dryRun: boolean;
    }
  | { readonly type: 'settle'; readonly settlement: Settlement };
