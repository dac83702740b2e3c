/** The events of domains: what each one tells, and how it is read from C. */
import type { Pointer } from './c-types.ts';
import type { Shape } from './events.ts';
import * as C from './generated/constants.ts';
import { decodeParametersAt, type TypedParameters } from './typed-parameters.ts';

/** What comes with each event, besides the domain's name. */
export interface DomainEvents {
  /** virDomainEventType, see DomainEvent, and its detail, e.g. StoppedDetail. */
  lifecycle: { readonly event: number; readonly detail: number };
  /** The guest rebooted. */
  reboot: object;
  /** The guest set its clock; seconds from UTC. */
  clockChange: { readonly utcOffset: number };
  /** virDomainEventWatchdogAction. */
  watchdog: { readonly action: number };
  /** virDomainEventIOErrorAction: 0 none, 1 the domain was paused, 2 told to the guest. `reason`: `enospc`. */
  ioError: {
    readonly path: string;
    readonly alias: string;
    readonly action: number;
    readonly reason: string;
  };
  /** virDomainBlockJobType; virConnectDomainEventBlockJobStatus: 0 completed, 1 failed, 2 cancelled, 3 ready. */
  blockJob: { readonly disk: string; readonly type: number; readonly status: number };
  diskChange: {
    readonly oldPath: string;
    readonly newPath: string;
    readonly alias: string;
    readonly reason: number;
  };
  trayChange: { readonly alias: string; readonly reason: number };
  /** The guest reached a new size of the balloon, or changed it. */
  balloonChange: { readonly actualKiB: number };
  /** virConnectDomainEventAgentLifecycleState: 1 connected, 2 disconnected. */
  agentLifecycle: { readonly state: number; readonly reason: number };
  /** A job (migration, save, dump) ended: as DomainJobs.jobStats. */
  jobCompleted: { readonly parameters: TypedParameters };
  migrationIteration: { readonly iteration: number };
  /** virDomainMemoryFailureRecipientType, virDomainMemoryFailureActionType, virDomainMemoryFailureFlags. */
  memoryFailure: { readonly recipient: number; readonly action: number; readonly flags: number };
  /** The guest plugged or unplugged blocks of a virtio-mem device. */
  memoryDeviceSizeChange: { readonly alias: string; readonly sizeKiB: number };
  deviceAdded: { readonly alias: string };
  deviceRemoved: { readonly alias: string };
  /** The guest refused to give the device up. */
  deviceRemovalFailed: { readonly alias: string };
  /** virDomainMetadataType. */
  metadataChange: { readonly type: number; readonly namespace: string | null };
  /** CPU or block limits changed: VIR_DOMAIN_TUNABLE_*. */
  tunable: { readonly parameters: TypedParameters };
  /** A disk was written beyond what DomainBlock.setBlockThreshold asked; bytes. */
  blockThreshold: {
    readonly disk: string;
    readonly path: string | null;
    readonly threshold: number;
    readonly excess: number;
  };
  pmSuspend: { readonly reason: number };
  pmSuspendDisk: { readonly reason: number };
  pmWakeup: { readonly reason: number };
}

export type DomainEventName = keyof DomainEvents;
export type DomainNotice<E extends DomainEventName> = DomainEvents[E] & {
  /** Name of the domain. */
  readonly domain: string;
};

export interface EventKind<E extends DomainEventName> {
  /** virDomainEventID. */
  readonly id: number;
  readonly shape: Shape;
  readonly read: (...args: never[]) => DomainEvents[E];
}

const parameters = (list: Pointer, count: number) => ({ parameters: decodeParametersAt(list, count) });
const reason = (value: number) => ({ reason: value });
const alias = (value: string) => ({ alias: value });

export const DOMAIN_EVENTS: { readonly [E in DomainEventName]: EventKind<E> } = {
  lifecycle: {
    id: C.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
    shape: 'int int',
    read: (event: number, detail: number) => ({ event, detail }),
  },
  reboot: { id: C.VIR_DOMAIN_EVENT_ID_REBOOT, shape: 'none', read: () => ({}) },
  clockChange: {
    id: C.VIR_DOMAIN_EVENT_ID_RTC_CHANGE,
    shape: 'int64',
    read: (utcOffset: number) => ({ utcOffset: Number(utcOffset) }),
  },
  watchdog: {
    id: C.VIR_DOMAIN_EVENT_ID_WATCHDOG,
    shape: 'int',
    read: (action: number) => ({ action }),
  },
  ioError: {
    id: C.VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON,
    shape: 'string string int string',
    read: (path: string, device: string, action: number, why: string) => ({
      path,
      alias: device,
      action,
      reason: why,
    }),
  },
  blockJob: {
    id: C.VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2,
    shape: 'string int int',
    read: (disk: string, type: number, status: number) => ({ disk, type, status }),
  },
  diskChange: {
    id: C.VIR_DOMAIN_EVENT_ID_DISK_CHANGE,
    shape: 'string string string int',
    read: (oldPath: string, newPath: string, device: string, why: number) => ({
      oldPath,
      newPath,
      alias: device,
      reason: why,
    }),
  },
  trayChange: {
    id: C.VIR_DOMAIN_EVENT_ID_TRAY_CHANGE,
    shape: 'string int',
    read: (device: string, why: number) => ({ alias: device, reason: why }),
  },
  balloonChange: {
    id: C.VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE,
    shape: 'int64',
    read: (actual: number) => ({ actualKiB: Number(actual) }),
  },
  agentLifecycle: {
    id: C.VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE,
    shape: 'int int',
    read: (state: number, why: number) => ({ state, reason: why }),
  },
  jobCompleted: { id: C.VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, shape: 'parameters', read: parameters },
  migrationIteration: {
    id: C.VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION,
    shape: 'int',
    read: (iteration: number) => ({ iteration }),
  },
  memoryFailure: {
    id: C.VIR_DOMAIN_EVENT_ID_MEMORY_FAILURE,
    shape: 'int int uint',
    read: (recipient: number, action: number, flags: number) => ({ recipient, action, flags }),
  },
  memoryDeviceSizeChange: {
    id: C.VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE,
    shape: 'string int64',
    read: (device: string, size: number) => ({ alias: device, sizeKiB: Number(size) }),
  },
  deviceAdded: { id: C.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, shape: 'string', read: alias },
  deviceRemoved: { id: C.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, shape: 'string', read: alias },
  deviceRemovalFailed: { id: C.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED, shape: 'string', read: alias },
  metadataChange: {
    id: C.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
    shape: 'int string',
    read: (type: number, namespace: string | null) => ({ type, namespace }),
  },
  tunable: { id: C.VIR_DOMAIN_EVENT_ID_TUNABLE, shape: 'parameters', read: parameters },
  blockThreshold: {
    id: C.VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD,
    shape: 'string string int64 int64',
    read: (disk: string, path: string | null, threshold: number, excess: number) => ({
      disk,
      path,
      threshold: Number(threshold),
      excess: Number(excess),
    }),
  },
  pmSuspend: { id: C.VIR_DOMAIN_EVENT_ID_PMSUSPEND, shape: 'int', read: reason },
  pmSuspendDisk: { id: C.VIR_DOMAIN_EVENT_ID_PMSUSPEND_DISK, shape: 'int', read: reason },
  pmWakeup: { id: C.VIR_DOMAIN_EVENT_ID_PMWAKEUP, shape: 'int', read: reason },
};
