/** The C functions of libvirt.so.0 that this binding calls: their types for TypeScript and for koffi. */
import type { KoffiFunc, LibraryHandle } from 'koffi';

/** A C pointer. */
export type Pointer = bigint;
type Nullable = Pointer | null;
type Bytes = Uint8Array<ArrayBuffer>;

/** One-element array, through which C hands back a value. */
type Out<T> = [T];

export interface Native {
  readonly virInitialize: KoffiFunc<() => number>;
  readonly virGetVersion: KoffiFunc<(version: Out<number>, type: null, typeVersion: null) => number>;
  readonly virSetErrorFunc: KoffiFunc<(data: null, handler: Pointer) => void>;
  readonly virConnSetErrorFunc: KoffiFunc<(connection: Pointer, data: null, handler: Pointer) => void>;
  readonly virConnGetLastError: KoffiFunc<(connection: Pointer) => Nullable>;

  readonly virEventRegisterDefaultImpl: KoffiFunc<() => number>;
  readonly virEventRunDefaultImpl: KoffiFunc<() => number>;
  readonly virEventAddTimeout: KoffiFunc<(ms: number, callback: Pointer, data: null, free: null) => number>;
  readonly virEventUpdateTimeout: KoffiFunc<(timer: number, ms: number) => void>;
  readonly virEventRemoveTimeout: KoffiFunc<(timer: number) => number>;

  readonly virConnectOpen: KoffiFunc<(uri: string) => Nullable>;
  readonly virConnectClose: KoffiFunc<(connection: Pointer) => number>;
  readonly virConnectSetKeepAlive: KoffiFunc<(connection: Pointer, seconds: number, count: number) => number>;
  readonly virConnectIsAlive: KoffiFunc<(connection: Pointer) => number>;
  readonly virConnectGetType: KoffiFunc<(connection: Pointer) => string | null>;
  readonly virConnectGetVersion: KoffiFunc<(connection: Pointer, version: Out<number>) => number>;
  readonly virConnectGetLibVersion: KoffiFunc<(connection: Pointer, version: Out<number>) => number>;
  readonly virConnectGetHostname: KoffiFunc<(connection: Pointer) => Nullable>;
  readonly virConnectGetCapabilities: KoffiFunc<(connection: Pointer) => Nullable>;
  readonly virNodeGetInfo: KoffiFunc<(connection: Pointer, info: Bytes) => number>;
  readonly virNodeGetMemoryStats: KoffiFunc<
    (connection: Pointer, cell: number, stats: Bytes | null, count: Out<number>, flags: number) => number
  >;
  readonly virConnectListAllDomains: KoffiFunc<
    (connection: Pointer, domains: Out<Nullable>, flags: number) => number
  >;
  readonly virConnectGetAllDomainStats: KoffiFunc<
    (connection: Pointer, stats: number, records: Out<Nullable>, flags: number) => number
  >;
  readonly virDomainStatsRecordListFree: KoffiFunc<(records: Pointer) => void>;
  readonly virConnectDomainEventRegisterAny: KoffiFunc<
    (connection: Pointer, domain: null, event: number, callback: Pointer, data: Pointer, free: null) => number
  >;
  readonly virConnectDomainEventDeregisterAny: KoffiFunc<(connection: Pointer, id: number) => number>;
  readonly virConnectRegisterCloseCallback: KoffiFunc<
    (connection: Pointer, callback: Pointer, data: Pointer, free: null) => number
  >;
  readonly virConnectUnregisterCloseCallback: KoffiFunc<(connection: Pointer, callback: Pointer) => number>;

  readonly virDomainLookupByName: KoffiFunc<(connection: Pointer, name: string) => Nullable>;
  readonly virDomainLookupByUUIDString: KoffiFunc<(connection: Pointer, uuid: string) => Nullable>;
  readonly virDomainDefineXMLFlags: KoffiFunc<(connection: Pointer, xml: string, flags: number) => Nullable>;
  readonly virDomainCreateXML: KoffiFunc<(connection: Pointer, xml: string, flags: number) => Nullable>;
  readonly virDomainFree: KoffiFunc<(domain: Pointer) => number>;
  readonly virDomainGetName: KoffiFunc<(domain: Pointer) => string | null>;
  readonly virDomainGetUUIDString: KoffiFunc<(domain: Pointer, uuid: Bytes) => number>;
  readonly virDomainCreateWithFlags: KoffiFunc<(domain: Pointer, flags: number) => number>;
  readonly virDomainDestroyFlags: KoffiFunc<(domain: Pointer, flags: number) => number>;
  readonly virDomainUndefineFlags: KoffiFunc<(domain: Pointer, flags: number) => number>;
  readonly virDomainSuspend: KoffiFunc<(domain: Pointer) => number>;
  readonly virDomainResume: KoffiFunc<(domain: Pointer) => number>;
  readonly virDomainSetVcpusFlags: KoffiFunc<(domain: Pointer, count: number, flags: number) => number>;
  readonly virDomainGetVcpusFlags: KoffiFunc<(domain: Pointer, flags: number) => number>;
  readonly virDomainSetMemoryFlags: KoffiFunc<(domain: Pointer, kib: number, flags: number) => number>;
  readonly virDomainAttachDeviceFlags: KoffiFunc<(domain: Pointer, xml: string, flags: number) => number>;
  readonly virDomainUpdateDeviceFlags: KoffiFunc<(domain: Pointer, xml: string, flags: number) => number>;
  readonly virDomainDetachDeviceFlags: KoffiFunc<(domain: Pointer, xml: string, flags: number) => number>;
  readonly virDomainGetSchedulerParametersFlags: KoffiFunc<
    (domain: Pointer, parameters: Bytes, count: Out<number>, flags: number) => number
  >;
  readonly virDomainSetSchedulerParametersFlags: KoffiFunc<
    (domain: Pointer, parameters: Bytes, count: number, flags: number) => number
  >;
  readonly virDomainGetInfo: KoffiFunc<(domain: Pointer, info: Bytes) => number>;
  readonly virDomainGetState: KoffiFunc<
    (domain: Pointer, state: Out<number>, reason: Out<number>, flags: number) => number
  >;
  readonly virDomainGetXMLDesc: KoffiFunc<(domain: Pointer, flags: number) => Nullable>;
  readonly virDomainGetMetadata: KoffiFunc<
    (domain: Pointer, type: number, uri: string | null, flags: number) => Nullable
  >;
  readonly virDomainSetMetadata: KoffiFunc<
    (
      domain: Pointer,
      type: number,
      metadata: string | null,
      key: string | null,
      uri: string | null,
      flags: number,
    ) => number
  >;
  readonly virDomainAbortJob: KoffiFunc<(domain: Pointer) => number>;

  /** libc's free, for what libvirt hands over to its caller. */
  readonly free: KoffiFunc<(memory: Pointer) => void>;
  /** A native function that does nothing of note: what libvirt calls where a callback of ours has nothing to do. */
  readonly noop: Pointer;
}

export function declare(library: LibraryHandle, libc: LibraryHandle): Native {
  const declareC = (signature: string) => library.func(signature);
  return {
    virInitialize: declareC('int virInitialize()'),
    virGetVersion: declareC('int virGetVersion(_Out_ ulong *version, void *type, void *typeVersion)'),
    virSetErrorFunc: declareC('void virSetErrorFunc(void *data, void *handler)'),
    virConnSetErrorFunc: declareC('void virConnSetErrorFunc(void *c, void *data, void *handler)'),
    virConnGetLastError: declareC('void *virConnGetLastError(void *c)'),

    virEventRegisterDefaultImpl: declareC('int virEventRegisterDefaultImpl()'),
    virEventRunDefaultImpl: declareC('int virEventRunDefaultImpl()'),
    virEventAddTimeout: declareC('int virEventAddTimeout(int ms, void *cb, void *data, void *ff)'),
    virEventUpdateTimeout: declareC('void virEventUpdateTimeout(int timer, int ms)'),
    virEventRemoveTimeout: declareC('int virEventRemoveTimeout(int timer)'),

    virConnectOpen: declareC('void *virConnectOpen(str uri)'),
    virConnectClose: declareC('int virConnectClose(void *c)'),
    virConnectSetKeepAlive: declareC('int virConnectSetKeepAlive(void *c, int seconds, uint count)'),
    virConnectIsAlive: declareC('int virConnectIsAlive(void *c)'),
    virConnectGetType: declareC('str virConnectGetType(void *c)'),
    virConnectGetVersion: declareC('int virConnectGetVersion(void *c, _Out_ ulong *version)'),
    virConnectGetLibVersion: declareC('int virConnectGetLibVersion(void *c, _Out_ ulong *version)'),
    virConnectGetHostname: declareC('void *virConnectGetHostname(void *c)'),
    virConnectGetCapabilities: declareC('void *virConnectGetCapabilities(void *c)'),
    virNodeGetInfo: declareC('int virNodeGetInfo(void *c, void *info)'),
    virNodeGetMemoryStats: declareC(
      'int virNodeGetMemoryStats(void *c, int cell, void *stats, _Inout_ int *count, uint flags)',
    ),
    virConnectListAllDomains: declareC(
      'int virConnectListAllDomains(void *c, _Out_ void **domains, uint flags)',
    ),
    virConnectGetAllDomainStats: declareC(
      'int virConnectGetAllDomainStats(void *c, uint stats, _Out_ void **records, uint flags)',
    ),
    virDomainStatsRecordListFree: declareC('void virDomainStatsRecordListFree(void *records)'),
    virConnectDomainEventRegisterAny: declareC(
      'int virConnectDomainEventRegisterAny(void *c, void *d, int id, void *cb, void *data, void *ff)',
    ),
    virConnectDomainEventDeregisterAny: declareC('int virConnectDomainEventDeregisterAny(void *c, int id)'),
    virConnectRegisterCloseCallback: declareC(
      'int virConnectRegisterCloseCallback(void *c, void *cb, void *data, void *ff)',
    ),
    virConnectUnregisterCloseCallback: declareC('int virConnectUnregisterCloseCallback(void *c, void *cb)'),

    virDomainLookupByName: declareC('void *virDomainLookupByName(void *c, str name)'),
    virDomainLookupByUUIDString: declareC('void *virDomainLookupByUUIDString(void *c, str uuid)'),
    virDomainDefineXMLFlags: declareC('void *virDomainDefineXMLFlags(void *c, str xml, uint flags)'),
    virDomainCreateXML: declareC('void *virDomainCreateXML(void *c, str xml, uint flags)'),
    virDomainFree: declareC('int virDomainFree(void *d)'),
    virDomainGetName: declareC('str virDomainGetName(void *d)'),
    virDomainGetUUIDString: declareC('int virDomainGetUUIDString(void *d, void *uuid)'),
    virDomainCreateWithFlags: declareC('int virDomainCreateWithFlags(void *d, uint flags)'),
    virDomainDestroyFlags: declareC('int virDomainDestroyFlags(void *d, uint flags)'),
    virDomainUndefineFlags: declareC('int virDomainUndefineFlags(void *d, uint flags)'),
    virDomainSuspend: declareC('int virDomainSuspend(void *d)'),
    virDomainResume: declareC('int virDomainResume(void *d)'),
    virDomainSetVcpusFlags: declareC('int virDomainSetVcpusFlags(void *d, uint count, uint flags)'),
    virDomainGetVcpusFlags: declareC('int virDomainGetVcpusFlags(void *d, uint flags)'),
    virDomainSetMemoryFlags: declareC('int virDomainSetMemoryFlags(void *d, ulong kib, uint flags)'),
    virDomainAttachDeviceFlags: declareC('int virDomainAttachDeviceFlags(void *d, str xml, uint flags)'),
    virDomainUpdateDeviceFlags: declareC('int virDomainUpdateDeviceFlags(void *d, str xml, uint flags)'),
    virDomainDetachDeviceFlags: declareC('int virDomainDetachDeviceFlags(void *d, str xml, uint flags)'),
    virDomainGetSchedulerParametersFlags: declareC(
      'int virDomainGetSchedulerParametersFlags(void *d, void *parameters, _Inout_ int *count, uint flags)',
    ),
    virDomainSetSchedulerParametersFlags: declareC(
      'int virDomainSetSchedulerParametersFlags(void *d, void *parameters, int count, uint flags)',
    ),
    virDomainGetInfo: declareC('int virDomainGetInfo(void *d, void *info)'),
    virDomainGetState: declareC(
      'int virDomainGetState(void *d, _Out_ int *state, _Out_ int *reason, uint flags)',
    ),
    virDomainGetXMLDesc: declareC('void *virDomainGetXMLDesc(void *d, uint flags)'),
    virDomainGetMetadata: declareC('void *virDomainGetMetadata(void *d, int type, str uri, uint flags)'),
    virDomainSetMetadata: declareC(
      'int virDomainSetMetadata(void *d, int type, str metadata, str key, str uri, uint flags)',
    ),
    virDomainAbortJob: declareC('int virDomainAbortJob(void *d)'),

    free: libc.func('void free(void *memory)'),
    noop: libc.symbol('getpid'),
  };
}
