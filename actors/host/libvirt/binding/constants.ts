/** libvirt's numbers, under their own names without the prefix (source: libvirt-domain.h and libvirt-host.h of 9.0). */

/** virDomainState. */
export const DomainState = {
  noState: 0,
  running: 1,
  blocked: 2,
  paused: 3,
  shutdown: 4,
  shutoff: 5,
  crashed: 6,
  pmSuspended: 7,
} as const;

/** virDomainShutoffReason: why a domain is in state `shutoff`. */
export const ShutoffReason = {
  unknown: 0,
  shutdown: 1,
  destroyed: 2,
  crashed: 3,
  migrated: 4,
  saved: 5,
  failed: 6,
  fromSnapshot: 7,
  daemon: 8,
} as const;

/** virDomainModificationImpact: whether a change is for the running domain, its stored configuration, or both. */
export const DomainAffect = { current: 0, live: 1, config: 2 } as const;

/** virDomainVcpuFlags, to be added to {@link DomainAffect}. */
export const VcpuFlag = { maximum: 4, guest: 8, hotpluggable: 16 } as const;

/** virDomainCreateFlags. */
export const StartFlag = {
  none: 0,
  paused: 1,
  autodestroy: 2,
  bypassCache: 4,
  forceBoot: 8,
  validate: 16,
} as const;

/** virConnectListAllDomainsFlags; 0 lists all. */
export const DomainListFlag = {
  active: 1,
  inactive: 2,
  persistent: 4,
  transient: 8,
  running: 16,
  paused: 32,
  shutoff: 64,
} as const;

/** virDomainStatsTypes: groups of statistics; 0 asks for all of them. Cost per group: README.md. */
export const DomainStatsGroup = {
  state: 1,
  cpu: 2,
  balloon: 4,
  vcpu: 8,
  interface: 16,
  block: 32,
  perf: 64,
  iothread: 128,
  memory: 256,
  dirtyRate: 512,
} as const;

/** virDomainEventType: what happened to a domain. */
export const DomainEvent = {
  defined: 0,
  undefined: 1,
  started: 2,
  suspended: 3,
  resumed: 4,
  stopped: 5,
  shutdown: 6,
  pmSuspended: 7,
  crashed: 8,
} as const;

/** virDomainEventStoppedDetailType: detail of {@link DomainEvent}.stopped. */
export const StoppedDetail = {
  shutdown: 0,
  destroyed: 1,
  crashed: 2,
  migrated: 3,
  saved: 4,
  failed: 5,
  fromSnapshot: 6,
} as const;

/** virDomainMetadataType. */
export const MetadataType = { description: 0, title: 1, element: 2 } as const;

/** virConnectCloseReason: why a connection ended without being asked to. */
export const ConnectCloseReason = { error: 0, eof: 1, keepAlive: 2, client: 3 } as const;

/** virDomainEventID: kinds of callbacks of virConnectDomainEventRegisterAny. */
export const DOMAIN_EVENT_ID_LIFECYCLE = 0;
