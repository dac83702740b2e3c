/** What one watcher is shown: records it asked for, in batches, as fast as it is good for and no faster. */
import type { Clock } from '../clock.ts';
import type { ActorSystem, InspectionRecord } from '../system/mod.ts';
import type { WatchBatch, WatchQuery, WatchRecord } from './messages.ts';
import { Ring } from './ring.ts';

/** Records of one batch: well within what a transport takes. */
const BATCH = 500;
/** Between two batches, ms. */
const PAUSE_MS = 50;
const DEFAULT_BOUND = 4096;

/**
 * Listens from the first `next()` until `signal` fires or the loop is left. Records beyond the bound, or beyond
 * 10,000 a second, are dropped and counted; those who make them never wait.
 */
export async function* watchSystem(
  system: Pick<ActorSystem, 'node' | 'inspect'>,
  query: WatchQuery,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): AsyncGenerator<WatchBatch, void, undefined> {
  if (signal.aborted) return;
  const { node } = system;
  const ring = new Ring<InspectionRecord>(query.bound ?? DEFAULT_BOUND);
  const isWanted = wantedBy(query);
  let wake = () => {};
  const forget = system.inspect((record) => {
    if (!isWanted(record)) return;
    ring.push(record);
    wake();
  });
  const end = () => {
    forget();
    wake();
  };
  signal.addEventListener('abort', end, { once: true });
  try {
    yield { node, records: [] };
    while (!signal.aborted) {
      if (ring.isEmpty) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      wake = () => {};
      yield { node, records: batchOf(ring) };
      if (!signal.aborted) await pause(clock, signal);
    }
  } finally {
    signal.removeEventListener('abort', end);
    forget();
  }
}

function batchOf(ring: Ring<InspectionRecord>): WatchRecord[] {
  const { items, dropped, oldestDropped } = ring.take(BATCH);
  if (oldestDropped === undefined) return items;
  return [{ kind: 'dropped', count: dropped, t: oldestDropped.t }, ...items];
}

function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.setTimeout(end, PAUSE_MS);
    signal.addEventListener('abort', end, { once: true });
  });
}

function wantedBy({ kinds, addresses, types, sample = 1 }: WatchQuery) {
  const [ofKinds, ofTypes] = [kinds && new Set<string>(kinds), types && new Set(types)];
  const exact = new Set(addresses);
  const shares = sample * 2 ** 32;
  return ({ kind, address, type, cause, id }: InspectionRecord): boolean => {
    if (ofKinds !== undefined && !ofKinds.has(kind)) return false;
    if (ofTypes !== undefined && (type === undefined || !ofTypes.has(type))) return false;
    if (
      addresses !== undefined &&
      !exact.has(address) &&
      !exact.has(`${address.slice(0, address.indexOf('/'))}/*`)
    )
      return false;
    return sample >= 1 || hash(cause ?? id) < shares;
  };
}

/** FNV-1a with a final mix, so that ids that differ in their last letter only fall far apart. 0 to 2^32 - 1. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
