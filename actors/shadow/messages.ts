/** Messages of a shadow: what it was made for, and what became of its directives. */
import { z } from 'zod';
import type { WardSpec } from '../allocator/mod.ts';
import type { Settlement } from '../host/mod.ts';

export const shadowMessage = z.discriminatedUnion('type', [
  /** Watch the job (again), now on this host. Repeated after every restart. */
  z.object({ type: z.literal('watch'), ward: z.custom<WardSpec>() }),
  z.object({ type: z.literal('settled'), settlement: z.custom<Settlement>() }),
  /** The job is over. */
  z.object({ type: z.literal('end') }),
  /** What has been done lately, and why. */
  z.object({ type: z.literal('explain') }),
]);
export type ShadowMessage = z.infer<typeof shadowMessage>;

/** How a shadow follows its job; only the first is built. */
export type ShadowMode = 'model' | 'mirror' | 'replicate' | 'trial' | 'divert';

export interface ShadowContext {
  readonly mode: ShadowMode;
  readonly ward: WardSpec;
  /** The newest settlements, oldest first. */
  readonly recent: readonly Settlement[];
  readonly counts: {
    readonly applied: number;
    readonly partial: number;
    readonly refused: number;
    readonly failed: number;
  };
}

export type ShadowEffect =
  | { readonly type: 'track'; readonly ward: WardSpec }
  | { readonly type: 'untrack'; readonly jobId: string };
