/** libvirt for Node and Deno: connections, domains, events and typed errors over libvirt.so.0, without a compiler. */
export { Connection, type ConnectionOptions, type NodeInfo, type OpenedVersion } from './connection.ts';
export {
  ConnectCloseReason,
  DomainAffect,
  DomainEvent,
  DomainListFlag,
  DomainState,
  DomainStatsGroup,
  MetadataType,
  ShutoffReason,
  StartFlag,
  StoppedDetail,
  VcpuFlag,
} from './constants.ts';
export { Domain, type DomainInfo, type DomainStateReason } from './domain.ts';
export { ErrorCode, ErrorDomain, LibvirtError, LibvirtMissing } from './errors.ts';
export type { LifecycleListener, LifecycleNotice } from './events.ts';
export { loadLibvirt } from './native.ts';
export type { DomainStats } from './stats.ts';
export type { TypedParameter, TypedParameters, TypedValue } from './typed-parameters.ts';
