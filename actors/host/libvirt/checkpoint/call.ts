/** The deadline and the signal of a call as one signal, and in which words a failure is told. */
import { GridError } from '../../../../runtime/mod.ts';
import type { CheckpointCall } from '../../port/mod.ts';

const DEADLINE_MS = 60_000;

export function signalOf({ signal, deadlineMs = DEADLINE_MS }: CheckpointCall): AbortSignal {
  const deadline = AbortSignal.timeout(deadlineMs);
  return signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
}

/** `error` itself where it says all; otherwise what `wrap` makes of the reason. */
export function tellWhy(
  error: unknown,
  call: CheckpointCall,
  wrap: (why: string, cause: unknown) => GridError,
): GridError {
  const { signal, deadlineMs = DEADLINE_MS } = call;
  if (error instanceof GridError && error.code !== 'hypervisor-error') return error;
  if (signal?.aborted && error === signal.reason) return wrap('it was cancelled', error);
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return wrap(`it was not done within ${deadlineMs} ms`, error);
  }
  return wrap(error instanceof Error ? error.message : String(error), error);
}
