/** Turns the streams of a grid into what somebody who watches one job sees. */
import { decode, decodeFrame, type Transport } from '../../runtime/mod.ts';
import { type FORECAST_COLUMNS, forecastSubject } from '../allocator/mod.ts';
import type { Progress } from '../gateway/mod.ts';
import type { Settlement } from '../host/mod.ts';
import { directiveSubject, noteSubject } from './subjects.ts';

/** Listens until the returned function is called. Works from any process that may subscribe. */
export function followProgress(
  transport: Transport,
  jobId: string,
  listener: (progress: Progress) => void,
): () => void {
  const subscriptions = [
    transport.subscribe(forecastSubject('*'), ({ data }) => {
      const frame = decodeFrame(data);
      const row = frame.ids.indexOf(jobId);
      if (row < 0) return;
      const value = (column: (typeof FORECAST_COLUMNS)[number]) =>
        frame.values[row * frame.columns.length + frame.columns.indexOf(column)] ?? Number.NaN;
      listener({
        type: 'demand',
        id: jobId,
        t: frame.t,
        useCores: value('useCores'),
        useMemoryMiB: value('useMemoryMiB'),
        throttled: value('throttled'),
        cores: value('cores'),
        vcpus: value('vcpus'),
        memoryMiB: value('memoryMiB'),
        medianCores: value('medianCores'),
        upperCores: value('upperCores'),
      });
    }),
    transport.subscribe(directiveSubject('*'), ({ data }) => {
      const { directive, outcome, granted, tookMs, at } = decode(data) as Settlement;
      if (directive.jobId !== jobId) return;
      const { resource, from, reason } = directive;
      listener({
        type: 'directive',
        id: jobId,
        t: at,
        resource,
        from,
        to: granted,
        outcome,
        rule: reason.rule,
        tookMs,
      });
    }),
    transport.subscribe(noteSubject(jobId), ({ data }) => {
      const { t, text } = decode(data) as { t: number; text: string };
      listener({ type: 'note', id: jobId, t, text });
    }),
  ];
  return () => {
    for (const subscription of subscriptions) subscription.unsubscribe();
  };
}
