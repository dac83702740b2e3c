/** Reads the flat names of libvirt's bulk statistics as what they are about. What libvirt does not tell stays absent. */
import type {
  BalloonCounters,
  BlockCounters,
  CacheOccupancy,
  DirtyRate,
  DomainCounters,
  InterfaceCounters,
  VcpuCounters,
} from '../../telemetry/mod.ts';
import type { DomainStats, TypedParameters } from '../binding/mod.ts';

const NS = 1e-9;
/** Multiplying by a power of two is exact. */
const KIB_IN_MIB = 1 / 1024;

/** Field of ours: libvirt's name after the prefix, and what to multiply by. */
type Fields<T> = { readonly [Field in keyof T]?: readonly [name: string, scale?: number] };

const CPU = {
  seconds: ['time', NS],
  userSeconds: ['user', NS],
  systemSeconds: ['system', NS],
} satisfies Fields<NonNullable<DomainCounters['cpu']>>;

const BALLOON = {
  currentMiB: ['current', KIB_IN_MIB],
  maximumMiB: ['maximum', KIB_IN_MIB],
  availableMiB: ['available', KIB_IN_MIB],
  unusedMiB: ['unused', KIB_IN_MIB],
  usableMiB: ['usable', KIB_IN_MIB],
  diskCachesMiB: ['disk_caches', KIB_IN_MIB],
  hostResidentMiB: ['rss', KIB_IN_MIB],
  swapInMiB: ['swap_in', KIB_IN_MIB],
  swapOutMiB: ['swap_out', KIB_IN_MIB],
  majorFaults: ['major_fault'],
  minorFaults: ['minor_fault'],
} satisfies Fields<BalloonCounters>;

const VCPU = {
  seconds: ['time', NS],
  waitSeconds: ['wait', NS],
  delaySeconds: ['delay', NS],
} satisfies Fields<VcpuCounters>;

const BLOCK = {
  reads: ['rd.reqs'],
  readBytes: ['rd.bytes'],
  readSeconds: ['rd.times', NS],
  writes: ['wr.reqs'],
  writtenBytes: ['wr.bytes'],
  writeSeconds: ['wr.times', NS],
  flushes: ['fl.reqs'],
  flushSeconds: ['fl.times', NS],
  allocationBytes: ['allocation'],
  capacityBytes: ['capacity'],
  physicalBytes: ['physical'],
} satisfies Fields<BlockCounters>;

const INTERFACE = {
  receivedBytes: ['rx.bytes'],
  receivedPackets: ['rx.pkts'],
  receiveErrors: ['rx.errs'],
  receiveDrops: ['rx.drop'],
  sentBytes: ['tx.bytes'],
  sentPackets: ['tx.pkts'],
  sendErrors: ['tx.errs'],
  sendDrops: ['tx.drop'],
} satisfies Fields<InterfaceCounters>;

/** virVcpuState. */
const VCPU_STATES = ['offline', 'running', 'blocked'] as const;
/** virDomainDirtyRateStatus. */
const MEASURED = 2;

/** Source: virConnectGetAllDomainStats in libvirt's documentation. */
export function domainCounters({ name, parameters }: DomainStats): DomainCounters {
  const cpu = pick(parameters, 'cpu', CPU);
  const balloon = { ...pick(parameters, 'balloon', BALLOON), ...balloonTime(parameters) };
  const perf = perfEvents(parameters);
  const dirtyRate = dirtyRateOf(parameters);
  return {
    domain: name,
    ...(isEmpty(cpu) ? {} : { cpu }),
    ...(isEmpty(balloon) ? {} : { balloon }),
    vcpus: vcpusOf(parameters),
    blocks: blocksOf(parameters),
    interfaces: interfacesOf(parameters),
    ...(isEmpty(perf) ? {} : { perf }),
    caches: cachesOf(parameters),
    ...(dirtyRate === undefined ? {} : { dirtyRate }),
  };
}

export function blocksOf(parameters: TypedParameters): BlockCounters[] {
  return list(parameters, 'block').map((prefix) => ({
    name: text(parameters, `${prefix}.name`),
    ...pick(parameters, prefix, BLOCK),
  }));
}

export function interfacesOf(parameters: TypedParameters): InterfaceCounters[] {
  return list(parameters, 'net').map((prefix) => ({
    name: text(parameters, `${prefix}.name`),
    ...pick(parameters, prefix, INTERFACE),
  }));
}

/** Undefined while none was measured yet. */
export function dirtyRateOf(parameters: TypedParameters): DirtyRate | undefined {
  const mibPerSecond = number(parameters, 'dirtyrate.megabytes_per_second');
  if (number(parameters, 'dirtyrate.calc_status') !== MEASURED || mibPerSecond === undefined)
    return undefined;
  const seconds = number(parameters, 'dirtyrate.calc_period');
  const mode = text(parameters, 'dirtyrate.calc_mode');
  return { mibPerSecond, ...(seconds === undefined ? {} : { seconds }), ...(mode === '' ? {} : { mode }) };
}

/** vCPU numbers may have gaps: those that are not plugged in are left out. */
function vcpusOf(parameters: TypedParameters): VcpuCounters[] {
  const vcpus: VcpuCounters[] = [];
  for (const [name, state] of Object.entries(parameters)) {
    const [prefix = '', index] = /^(?=(vcpu\.(\d+))\.state$)/.exec(name)?.slice(1) ?? [];
    if (index === undefined) continue;
    const halted = parameters[`${prefix}.halted`];
    vcpus.push({
      vcpu: Number(index),
      state: VCPU_STATES[Number(state)] ?? 'unknown',
      ...pick(parameters, prefix, VCPU),
      ...(halted === undefined ? {} : { halted: halted === true || halted === 'yes' }),
    });
  }
  return vcpus.sort((a, b) => a.vcpu - b.vcpu);
}

/** Names from the configuration, as `vcpus_0-1`; banks from the CPU. */
function cachesOf(parameters: TypedParameters): CacheOccupancy[] {
  return list(parameters, 'cpu.cache.monitor').flatMap((monitor) =>
    list(parameters, `${monitor}.bank`).map((bank) => ({
      monitor: text(parameters, `${monitor}.name`),
      vcpus: text(parameters, `${monitor}.vcpus`),
      bank: number(parameters, `${bank}.id`) ?? 0,
      bytes: number(parameters, `${bank}.bytes`) ?? Number.NaN,
    })),
  );
}

function perfEvents(parameters: TypedParameters): Record<string, number> {
  const events: Record<string, number> = {};
  for (const [name, value] of Object.entries(parameters)) {
    if (name.startsWith('perf.') && typeof value === 'number') events[name.slice('perf.'.length)] = value;
  }
  return events;
}

/** libvirt says 0 if the guest's driver was never heard. */
function balloonTime(parameters: TypedParameters): Pick<BalloonCounters, 'asOf'> {
  const seconds = number(parameters, 'balloon.last-update');
  return seconds === undefined || seconds === 0 ? {} : { asOf: seconds * 1000 };
}

/** Prefixes of a list: `PREFIX.count` of them, `PREFIX.0`, `PREFIX.1`, ... */
function list(parameters: TypedParameters, prefix: string): string[] {
  return Array.from(
    { length: number(parameters, `${prefix}.count`) ?? 0 },
    (_, index) => `${prefix}.${index}`,
  );
}

function pick<T extends Fields<object>>(
  parameters: TypedParameters,
  prefix: string,
  fields: T,
): { [Field in keyof T]?: number } {
  const picked: { [Field in keyof T]?: number } = {};
  for (const field in fields) {
    const [name, scale = 1] = (fields as Record<string, readonly [string, number?]>)[field]!;
    const value = number(parameters, `${prefix}.${name}`);
    if (value !== undefined) picked[field] = value * scale;
  }
  return picked;
}

function number(parameters: TypedParameters, name: string): number | undefined {
  const value = parameters[name];
  return typeof value === 'number' ? value : undefined;
}

function text(parameters: TypedParameters, name: string): string {
  return String(parameters[name] ?? '');
}

function isEmpty(object: object): boolean {
  return Object.keys(object).length === 0;
}
