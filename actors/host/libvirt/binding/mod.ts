/** libvirt for Node and Deno: connections, domains, storage, events and typed errors over libvirt.so.0, without a compiler. */
export { type AbortableOptions, abortable } from './abortable.ts';
export type { RestoreOptions } from './connection/domains.ts';
export type {
  LifecycleListener,
  LifecycleNotice,
  MonitorNotice,
  StopListening,
} from './connection/events.ts';
export type { DomainCapabilitiesQuery, FreePages, NodeInfo, OpenedVersion } from './connection/host.ts';
export { Connection, type ConnectionOptions } from './connection.ts';
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
export type { BlockInfo, BlockJobInfo, BlockJobOptions } from './domain/block.ts';
export type { IOThreadInfo, VcpuInfo } from './domain/cpu.ts';
export type { InterfaceAddresses, InterfaceStats } from './domain/devices.ts';
export type { FileSystemInfo } from './domain/guest.ts';
export type { DomainControlInfo, DomainInfo, DomainStateReason } from './domain/identity.ts';
export type { JobInfo, JobStats } from './domain/jobs.ts';
export type { MemoryStats } from './domain/memory.ts';
export type { SaveOptions } from './domain/power.ts';
export { Domain } from './domain.ts';
export { DomainCheckpoint } from './domain-checkpoint.ts';
export type { DomainEventName, DomainEvents, DomainNotice } from './domain-events.ts';
export { DomainSnapshot } from './domain-snapshot.ts';
export {
  BadArgument,
  ErrorCode,
  ErrorDomain,
  LibvirtError,
  LibvirtFunctionMissing,
  LibvirtMissing,
} from './errors.ts';
export * from './generated/constants.ts';
export type { MigrationParameters } from './migration-parameters.ts';
export { loadLibvirt } from './native.ts';
export type { DomainStats } from './stats.ts';
export { StoragePool, type StoragePoolInfo } from './storage-pool.ts';
export { StorageVolume, type StorageVolumeInfo, type TransferRange } from './storage-volume.ts';
export { Stream } from './stream.ts';
export type { TypedParameter, TypedParameters, TypedValue } from './typed-parameters.ts';
