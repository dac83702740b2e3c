/** Warm capacity: plugged, pinned and pre-faulted, but not in use; made active in milliseconds. */
import type { Allocation, WarmCapacity } from './domain.ts';

export interface Warmth {
  /**
   * Prepares what takes the domain from its allocation to `target` (never beyond its limit). Takes as long as the cold
   * path; the guest cannot use it yet. Resolves with what is warm. Idempotent; a smaller target gives warm capacity back.
   */
  warm(
    domain: string,
    target: Pick<Allocation, 'vcpus' | 'memoryMiB'>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<WarmCapacity>;
  /** Lets the domain use all of its warm capacity; resolves with its allocation once the guest has it. */
  activate(domain: string): Promise<Allocation>;
  /** Gives warm capacity back to the host. */
  cool(domain: string): Promise<void>;
  warmCapacity(domain: string): Promise<WarmCapacity>;
}
