/** A watcher's side: looks at an actor again and again, wherever it lives by then, each time at the newest state. */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../clock.ts';
import { malformed } from '../envelope.ts';
import { asGridError, TransportSuspended } from '../errors.ts';
import { pause } from '../persevere.ts';
import type { Mux, Transport } from '../transport/mod.ts';
import type { WatchOptions } from './port.ts';
import { RENEW_MS, type Sight, sightSchema } from './watching.ts';

export interface FollowWiring {
  readonly clock: Clock;
  /** Waits for an owner before the first item too. */
  readonly patient: boolean;
  /** Answers after `waitMs` at the latest. See `Watching.look`. */
  readonly look: (seen: string | undefined, waitMs: number, signal: AbortSignal) => Promise<Sight>;
}

/** First pause before an attempt that follows, ms; it doubles up to the longest. */
const SHORTEST = 4;
const LONGEST = 500;

/** An owner that is this late with its renewal is gone, ms. */
const GRACE_MS = 3_000;

/** Each loop over it watches anew. */
export function followActor(wiring: FollowWiring, options: WatchOptions): AsyncIterable<unknown> {
  return {
    [Symbol.asyncIterator]: () => {
      const { signal } = options;
      const over = new AbortController();
      const end = () => over.abort(signal?.reason);
      if (signal?.aborted) end();
      signal?.addEventListener('abort', end, { once: true });
      over.signal.addEventListener('abort', () => signal?.removeEventListener('abort', end), { once: true });
      const items = sights(wiring, options.deadlineMs ?? 5_000, over);
      return {
        next: () => items.next(),
        // A generator that waits would not hear of it.
        return: () => {
          over.abort();
          return items.return(undefined);
        },
      };
    },
  };
}

async function* sights(
  { clock, patient, look }: FollowWiring,
  deadlineMs: number,
  over: AbortController,
): AsyncGenerator<unknown, undefined, undefined> {
  const { signal } = over;
  const ends = clock.now() + deadlineMs;
  let seen: Sight | undefined;
  let wait = SHORTEST;
  try {
    while (!signal.aborted) {
      let sight: Sight;
      try {
        sight = await look(seen?.token, seen === undefined ? ends - clock.now() : RENEW_MS, signal);
        wait = SHORTEST;
      } catch (thrown) {
        const { code, retryable } = asGridError(thrown);
        if (signal.aborted || (seen !== undefined && code === 'no-such-actor')) return;
        if (!retryable) throw thrown;
        const late = clock.now() + wait >= ends || (code === 'no-responders' && !patient);
        if (seen === undefined && late) throw thrown;
        await pause(clock, wait, signal);
        wait = Math.min(LONGEST, wait * 2);
        continue;
      }
      const before = seen;
      if (sight.token !== before?.token) {
        seen = sight;
        // Another owner tells again what the one before has told.
        if (before === undefined || !isDeepStrictEqual(sight.view, before.view)) yield sight.view;
      }
      if (sight.final) return;
    }
  } finally {
    over.abort();
  }
}

/** What the owner shows, by subject. Throws what `Mux.request` throws, and `TransportSuspended` as soon as it is. */
export async function lookFrom(
  transport: Transport,
  mux: Mux,
  subject: string,
  seen: string | undefined,
  waitMs: number,
  signal: AbortSignal,
): Promise<Sight> {
  const known = seen !== undefined;
  const deadlineMs = known ? waitMs + GRACE_MS : waitMs;
  const lost = Promise.withResolvers<never>();
  const stopListening = transport.onStatus((status) => {
    if (status === 'suspended') lost.reject(new TransportSuspended(`watch ${subject}`));
  });
  try {
    const request = mux.request(subject, known ? { seen } : {}, { deadlineMs, signal });
    const checked = sightSchema.safeParse(await Promise.race([request, lost.promise]));
    if (checked.success) return checked.data;
    throw malformed(`answer from ${subject}`, checked.error);
  } finally {
    stopListening();
  }
}
