/** Cancels a call that libvirt would let run to its end: by aborting the domain's job from another connection. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from './connection.ts';
import type { Domain } from './domain.ts';
import { LibvirtError } from './errors.ts';

export interface AbortableOptions {
  /** The domain whose job the call is. */
  readonly domain: Domain;
  /** Aborts the job. Another connection than the call's, to the same daemon: the call's own waits for the call. */
  readonly connection: Connection;
  readonly signal?: AbortSignal;
  /** After so long the job is aborted, as if by a signal. */
  readonly deadlineMs?: number;
}

/** The job may not have begun when the signal comes, and a job that ends cannot be aborted any more: ask again. */
const ASK_AGAIN_MS = 25;

/**
 * Runs `call` (a save, a migration, a dump) until it ends, or until it ended because it was aborted: then rejects with
 * the signal's reason, with what libvirt said as the cause of a deadline's. A call that was through before the abort
 * reached it resolves as ever: look at the result, not at the signal.
 */
export async function abortable<T>(call: () => Promise<T>, options: AbortableOptions): Promise<T> {
  const { signal, deadlineMs } = options;
  signal?.throwIfAborted();
  const signals = [
    ...(signal === undefined ? [] : [signal]),
    ...(deadlineMs === undefined ? [] : [AbortSignal.timeout(deadlineMs)]),
  ];
  const either = AbortSignal.any(signals);
  const ended = new AbortController();
  let aborting: Promise<void> | undefined;
  const onAbort = () => {
    aborting = abortUntil(ended.signal, options);
  };
  either.addEventListener('abort', onAbort, { once: true });
  try {
    return await call();
  } catch (error) {
    if (either.aborted && error instanceof LibvirtError) throw either.reason;
    throw error;
  } finally {
    either.removeEventListener('abort', onAbort);
    ended.abort();
    await aborting;
  }
}

async function abortUntil(ended: AbortSignal, { domain, connection }: AbortableOptions): Promise<void> {
  while (!ended.aborted) {
    try {
      using other = await connection.lookupByUuid(domain.uuid);
      await other.abortJob();
    } catch (error) {
      // No job yet, or none any more, or the domain is gone with it: what the call says counts.
      if (!(error instanceof LibvirtError)) throw error;
      if (!connection.alive) return;
    }
    await delay(ASK_AGAIN_MS, undefined, { signal: ended }).catch(() => {});
  }
}
