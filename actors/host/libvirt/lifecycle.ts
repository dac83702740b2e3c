/** libvirt's lifecycle events in the words of the Hypervisor port. */
import type { LifecycleEvent } from '../port/mod.ts';
import {
  DomainEvent,
  type LifecycleNotice,
  StoppedDetail,
  VIR_DOMAIN_EVENT_RESUMED_MIGRATED,
  VIR_DOMAIN_EVENT_STARTED_MIGRATED,
} from './binding/mod.ts';

/** Undefined for events that change nothing a host cares about (defined, undefined, shutting down). */
export function lifecycleEvent({ domain, event, detail }: LifecycleNotice): LifecycleEvent | undefined {
  switch (event) {
    case DomainEvent.started:
      // Its memory is only about to arrive: it has started here when it is resumed.
      if (detail === VIR_DOMAIN_EVENT_STARTED_MIGRATED) return undefined;
      return { domain, event: 'started', detail: nameOf(STARTED, detail) };
    case DomainEvent.suspended:
      return { domain, event: 'paused', detail: nameOf(SUSPENDED, detail) };
    case DomainEvent.resumed:
      if (detail === VIR_DOMAIN_EVENT_RESUMED_MIGRATED)
        return { domain, event: 'started', detail: 'migrated' };
      return { domain, event: 'resumed', detail: nameOf(RESUMED, detail) };
    case DomainEvent.stopped:
      if (detail === StoppedDetail.migrated) return { domain, event: 'migrated', detail: 'migrated' };
      // `failed` is what libvirt says when QEMU ended without being asked to.
      return {
        domain,
        event: detail === StoppedDetail.crashed || detail === StoppedDetail.failed ? 'crashed' : 'stopped',
        detail: nameOf(STOPPED, detail),
      };
    case DomainEvent.crashed:
      return { domain, event: 'crashed', detail: 'panicked' };
    default:
      return undefined;
  }
}

const STARTED = ['booted', 'migrated', 'restored', 'from-snapshot', 'wakeup'];
const SUSPENDED = [
  'paused',
  'migrated',
  'io-error',
  'watchdog',
  'restored',
  'from-snapshot',
  'api-error',
  'postcopy',
  'postcopy-failed',
];
const RESUMED = ['unpaused', 'migrated', 'from-snapshot', 'postcopy', 'postcopy-failed'];
const STOPPED = ['shutdown', 'destroyed', 'crashed', 'migrated', 'saved', 'failed', 'from-snapshot'];

function nameOf(names: readonly string[], detail: number): string {
  return names[detail] ?? `detail ${detail}`;
}
