/** The constants that are used most, under short names; all others are in generated/constants.ts under libvirt's. */
import * as C from './generated/constants.ts';

/** virDomainState. */
export const DomainState = {
  noState: C.VIR_DOMAIN_NOSTATE,
  running: C.VIR_DOMAIN_RUNNING,
  blocked: C.VIR_DOMAIN_BLOCKED,
  paused: C.VIR_DOMAIN_PAUSED,
  shutdown: C.VIR_DOMAIN_SHUTDOWN,
  shutoff: C.VIR_DOMAIN_SHUTOFF,
  crashed: C.VIR_DOMAIN_CRASHED,
  pmSuspended: C.VIR_DOMAIN_PMSUSPENDED,
} as const;

/** virDomainShutoffReason: why a domain is in state `shutoff`. */
export const ShutoffReason = {
  unknown: C.VIR_DOMAIN_SHUTOFF_UNKNOWN,
  shutdown: C.VIR_DOMAIN_SHUTOFF_SHUTDOWN,
  destroyed: C.VIR_DOMAIN_SHUTOFF_DESTROYED,
  crashed: C.VIR_DOMAIN_SHUTOFF_CRASHED,
  migrated: C.VIR_DOMAIN_SHUTOFF_MIGRATED,
  saved: C.VIR_DOMAIN_SHUTOFF_SAVED,
  failed: C.VIR_DOMAIN_SHUTOFF_FAILED,
  fromSnapshot: C.VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT,
  daemon: C.VIR_DOMAIN_SHUTOFF_DAEMON,
} as const;

/** virDomainModificationImpact: whether a change is for the running domain, its stored configuration, or both. */
export const DomainAffect = {
  current: C.VIR_DOMAIN_AFFECT_CURRENT,
  live: C.VIR_DOMAIN_AFFECT_LIVE,
  config: C.VIR_DOMAIN_AFFECT_CONFIG,
} as const;

/** virDomainVcpuFlags, to be added to {@link DomainAffect}. */
export const VcpuFlag = {
  maximum: C.VIR_DOMAIN_VCPU_MAXIMUM,
  guest: C.VIR_DOMAIN_VCPU_GUEST,
  hotpluggable: C.VIR_DOMAIN_VCPU_HOTPLUGGABLE,
} as const;

/** virDomainCreateFlags. */
export const StartFlag = {
  none: C.VIR_DOMAIN_NONE,
  paused: C.VIR_DOMAIN_START_PAUSED,
  autodestroy: C.VIR_DOMAIN_START_AUTODESTROY,
  bypassCache: C.VIR_DOMAIN_START_BYPASS_CACHE,
  forceBoot: C.VIR_DOMAIN_START_FORCE_BOOT,
  validate: C.VIR_DOMAIN_START_VALIDATE,
} as const;

/** virConnectListAllDomainsFlags; 0 lists all. */
export const DomainListFlag = {
  active: C.VIR_CONNECT_LIST_DOMAINS_ACTIVE,
  inactive: C.VIR_CONNECT_LIST_DOMAINS_INACTIVE,
  persistent: C.VIR_CONNECT_LIST_DOMAINS_PERSISTENT,
  transient: C.VIR_CONNECT_LIST_DOMAINS_TRANSIENT,
  running: C.VIR_CONNECT_LIST_DOMAINS_RUNNING,
  paused: C.VIR_CONNECT_LIST_DOMAINS_PAUSED,
  shutoff: C.VIR_CONNECT_LIST_DOMAINS_SHUTOFF,
} as const;

/** virDomainStatsTypes: groups of statistics; 0 asks for all of them. Cost per group: README.md. */
export const DomainStatsGroup = {
  state: C.VIR_DOMAIN_STATS_STATE,
  cpu: C.VIR_DOMAIN_STATS_CPU_TOTAL,
  balloon: C.VIR_DOMAIN_STATS_BALLOON,
  vcpu: C.VIR_DOMAIN_STATS_VCPU,
  interface: C.VIR_DOMAIN_STATS_INTERFACE,
  block: C.VIR_DOMAIN_STATS_BLOCK,
  perf: C.VIR_DOMAIN_STATS_PERF,
  iothread: C.VIR_DOMAIN_STATS_IOTHREAD,
  memory: C.VIR_DOMAIN_STATS_MEMORY,
  dirtyRate: C.VIR_DOMAIN_STATS_DIRTYRATE,
  vm: C.VIR_DOMAIN_STATS_VM,
} as const;

/** virDomainEventType: what happened to a domain. */
export const DomainEvent = {
  defined: C.VIR_DOMAIN_EVENT_DEFINED,
  undefined: C.VIR_DOMAIN_EVENT_UNDEFINED,
  started: C.VIR_DOMAIN_EVENT_STARTED,
  suspended: C.VIR_DOMAIN_EVENT_SUSPENDED,
  resumed: C.VIR_DOMAIN_EVENT_RESUMED,
  stopped: C.VIR_DOMAIN_EVENT_STOPPED,
  shutdown: C.VIR_DOMAIN_EVENT_SHUTDOWN,
  pmSuspended: C.VIR_DOMAIN_EVENT_PMSUSPENDED,
  crashed: C.VIR_DOMAIN_EVENT_CRASHED,
} as const;

/** virDomainEventStoppedDetailType: detail of {@link DomainEvent}.stopped. */
export const StoppedDetail = {
  shutdown: C.VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN,
  destroyed: C.VIR_DOMAIN_EVENT_STOPPED_DESTROYED,
  crashed: C.VIR_DOMAIN_EVENT_STOPPED_CRASHED,
  migrated: C.VIR_DOMAIN_EVENT_STOPPED_MIGRATED,
  saved: C.VIR_DOMAIN_EVENT_STOPPED_SAVED,
  failed: C.VIR_DOMAIN_EVENT_STOPPED_FAILED,
  fromSnapshot: C.VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT,
} as const;

/** virDomainMetadataType. */
export const MetadataType = {
  description: C.VIR_DOMAIN_METADATA_DESCRIPTION,
  title: C.VIR_DOMAIN_METADATA_TITLE,
  element: C.VIR_DOMAIN_METADATA_ELEMENT,
} as const;

/** virConnectCloseReason: why a connection ended without being asked to. */
export const ConnectCloseReason = {
  error: C.VIR_CONNECT_CLOSE_REASON_ERROR,
  eof: C.VIR_CONNECT_CLOSE_REASON_EOF,
  keepAlive: C.VIR_CONNECT_CLOSE_REASON_KEEPALIVE,
  client: C.VIR_CONNECT_CLOSE_REASON_CLIENT,
} as const;
