/** Errors of libvirt as exceptions: its number, its origin, and the function that failed. */

/** virErrorNumber: the codes that callers tell apart. */
export const ErrorCode = {
  internal: 1,
  noMemory: 2,
  noSupport: 3,
  noConnect: 5,
  invalidConnection: 6,
  invalidDomain: 7,
  invalidArgument: 8,
  operationFailed: 9,
  xmlError: 27,
  domainExists: 28,
  operationDenied: 29,
  xmlDetail: 35,
  systemError: 38,
  rpc: 39,
  noDomain: 42,
  authFailed: 45,
  operationInvalid: 55,
  configUnsupported: 67,
  operationTimeout: 68,
  argumentUnsupported: 74,
  operationAborted: 78,
  noDomainMetadata: 80,
  operationUnsupported: 84,
  agentUnresponsive: 86,
  resourceBusy: 87,
  accessDenied: 88,
  deviceMissing: 99,
} as const;

/** virErrorDomain: the part of libvirt that an error comes from. */
export const ErrorDomain = {
  none: 0,
  xml: 5,
  rpc: 7,
  qemu: 10,
  test: 12,
  remote: 13,
  domain: 20,
  cgroup: 54,
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

  constructor(functionName: string, detail: LibvirtErrorDetail) {
    super(`${functionName}: ${detail.message}`);
    this.code = detail.code;
    this.domain = detail.domain;
    this.level = detail.level;
    this.functionName = functionName;
  }
}

/** libvirt.so.0 is not on this machine, or too old. */
export class LibvirtMissing extends Error {
  override readonly name = 'LibvirtMissing';
  readonly code = 'libvirt-missing';
  readonly hint = 'apt-get install libvirt0';

  constructor(cause: unknown) {
    super('libvirt.so.0 cannot be loaded: apt-get install libvirt0', { cause });
  }
}
