/** Errors of libvirt as exceptions: its number, its origin, and the function that failed. */
import * as C from './generated/constants.ts';
import { ERROR_DOMAIN_NAMES, ERROR_NAMES } from './generated/error-names.ts';

/** virErrorNumber: the codes that callers tell apart. All of them: VIR_ERR_*. */
export const ErrorCode = {
  internal: C.VIR_ERR_INTERNAL_ERROR,
  noMemory: C.VIR_ERR_NO_MEMORY,
  noSupport: C.VIR_ERR_NO_SUPPORT,
  noConnect: C.VIR_ERR_NO_CONNECT,
  invalidConnection: C.VIR_ERR_INVALID_CONN,
  invalidDomain: C.VIR_ERR_INVALID_DOMAIN,
  invalidArgument: C.VIR_ERR_INVALID_ARG,
  operationFailed: C.VIR_ERR_OPERATION_FAILED,
  xmlError: C.VIR_ERR_XML_ERROR,
  domainExists: C.VIR_ERR_DOM_EXIST,
  operationDenied: C.VIR_ERR_OPERATION_DENIED,
  xmlDetail: C.VIR_ERR_XML_DETAIL,
  systemError: C.VIR_ERR_SYSTEM_ERROR,
  rpc: C.VIR_ERR_RPC,
  noDomain: C.VIR_ERR_NO_DOMAIN,
  authFailed: C.VIR_ERR_AUTH_FAILED,
  noStoragePool: C.VIR_ERR_NO_STORAGE_POOL,
  noStorageVolume: C.VIR_ERR_NO_STORAGE_VOL,
  operationInvalid: C.VIR_ERR_OPERATION_INVALID,
  configUnsupported: C.VIR_ERR_CONFIG_UNSUPPORTED,
  operationTimeout: C.VIR_ERR_OPERATION_TIMEOUT,
  noDomainSnapshot: C.VIR_ERR_NO_DOMAIN_SNAPSHOT,
  invalidStream: C.VIR_ERR_INVALID_STREAM,
  argumentUnsupported: C.VIR_ERR_ARGUMENT_UNSUPPORTED,
  operationAborted: C.VIR_ERR_OPERATION_ABORTED,
  noDomainMetadata: C.VIR_ERR_NO_DOMAIN_METADATA,
  migrateUnsafe: C.VIR_ERR_MIGRATE_UNSAFE,
  operationUnsupported: C.VIR_ERR_OPERATION_UNSUPPORTED,
  agentUnresponsive: C.VIR_ERR_AGENT_UNRESPONSIVE,
  resourceBusy: C.VIR_ERR_RESOURCE_BUSY,
  accessDenied: C.VIR_ERR_ACCESS_DENIED,
  deviceMissing: C.VIR_ERR_DEVICE_MISSING,
  noDomainCheckpoint: C.VIR_ERR_NO_DOMAIN_CHECKPOINT,
} as const;

/** virErrorDomain: the part of libvirt that an error comes from. All of them: VIR_FROM_*. */
export const ErrorDomain = {
  none: C.VIR_FROM_NONE,
  xml: C.VIR_FROM_XML,
  rpc: C.VIR_FROM_RPC,
  qemu: C.VIR_FROM_QEMU,
  test: C.VIR_FROM_TEST,
  remote: C.VIR_FROM_REMOTE,
  domain: C.VIR_FROM_DOMAIN,
  cgroup: C.VIR_FROM_CGROUP,
} as const;

export interface LibvirtErrorDetail {
  /** virErrorNumber, see {@link ErrorCode}. */
  readonly code: number;
  /** virErrorDomain, see {@link ErrorDomain}. */
  readonly domain: number;
  /** virErrorLevel: 1 warning, 2 error. */
  readonly level: number;
  /** libvirt's own sentence. */
  readonly message: string;
}

/** A libvirt call failed. */
export class LibvirtError extends Error {
  override readonly name = 'LibvirtError';
  readonly code: number;
  readonly domain: number;
  readonly level: number;
  /** The C function that was called: `virDomainCreateXML`. */
  readonly functionName: string;

  constructor(functionName: string, detail: LibvirtErrorDetail, options?: ErrorOptions) {
    super(`${functionName}: ${detail.message}`, options);
    this.code = detail.code;
    this.domain = detail.domain;
    this.level = detail.level;
    this.functionName = functionName;
  }

  /** The code under libvirt's name: `VIR_ERR_NO_DOMAIN`. */
  get codeName(): string {
    return ERROR_NAMES[this.code] ?? `virErrorNumber ${this.code}`;
  }

  /** The domain under libvirt's name: `VIR_FROM_QEMU`. */
  get domainName(): string {
    return ERROR_DOMAIN_NAMES[this.domain] ?? `virErrorDomain ${this.domain}`;
  }
}

/** A library of libvirt's is not on this machine, or too old. */
export class LibvirtMissing extends Error {
  override readonly name = 'LibvirtMissing';
  readonly code = 'libvirt-missing';
  readonly hint = 'apt-get install libvirt0';

  constructor(cause: unknown, library = 'libvirt.so.0') {
    super(`${library} cannot be loaded: apt-get install libvirt0`, { cause });
  }
}

/** This machine's libvirt is too old for a function. */
export class LibvirtFunctionMissing extends Error {
  override readonly name = 'LibvirtFunctionMissing';
  readonly code = 'libvirt-function-missing';
  readonly functionName: string;
  /** The libvirt that has it: `9.0.0`. */
  readonly since: string;
  readonly hint: string;

  constructor(functionName: string, since: string, cause: unknown) {
    super(`${functionName} needs libvirt ${since} or newer`, { cause });
    this.functionName = functionName;
    this.since = since;
    this.hint = `install libvirt ${since} or newer`;
  }
}

/** An argument that C would misread; nothing was called. */
export class BadArgument extends RangeError {
  override readonly name = 'BadArgument';
  readonly code = 'bad-argument';
  readonly functionName: string;
  /** Which one: `xmlDesc`. */
  readonly argument: string;

  constructor(functionName: string, argument: string, wanted: string, got: unknown) {
    super(`${functionName}: ${argument} must be ${wanted}, not ${brief(got)}`);
    this.functionName = functionName;
    this.argument = argument;
  }
}

function brief(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
