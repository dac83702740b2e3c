/** A domain's vCPUs and IO threads: how many, where they run, what they used. */

import { DomainAffect, VcpuFlag } from '../constants.ts';
import { CPU_MAP_BYTES, decodeCpuMap, encodeCpuMap } from '../cpu-map.ts';
import { copyBytes } from '../native.ts';
import { pointersAt, roomFor, Structure } from '../structure.ts';
import {
  decodeParameters,
  PARAMETER_SIZE,
  type TypedParameter,
  type TypedParameters,
} from '../typed-parameters.ts';
import { DomainPower } from './power.ts';

/** virVcpuInfo. */
export interface VcpuInfo {
  readonly number: number;
  /** virVcpuState: 0 offline, 1 running, 2 blocked. */
  readonly state: number;
  readonly cpuSeconds: number;
  /** Host CPU that it is on; negative when that is unknown. */
  readonly cpu: number;
  /** Host CPUs that it may run on. */
  readonly affinity: readonly number[];
}

/** virDomainIOThreadInfo. */
export interface IOThreadInfo {
  readonly id: number;
  readonly affinity: readonly number[];
}

/** sizeof(virVcpuInfo), sizeof(virDomainIOThreadInfo). */
const VCPU_INFO_SIZE = 24;
const IOTHREAD_INFO_SIZE = 24;
/** What the remote protocol answers at most for CPU statistics. */
const MAX_CPU_STATS = 128;

export class DomainCpu extends DomainPower {
  /** Sets the number of vCPUs plugged. `flags`: DomainAffect plus VcpuFlag. */
  async setVcpus(count: number, flags: number = DomainAffect.live): Promise<void> {
    await this.calls.status('virDomainSetVcpusFlags', this.live(), count, flags);
  }

  /** Number of vCPUs plugged. `flags` as for {@link setVcpus}. */
  async vcpus(flags: number = DomainAffect.live): Promise<number> {
    return this.calls.status('virDomainGetVcpusFlags', this.live(), flags);
  }

  /** The most vCPUs that it can have. */
  async maxVcpus(flags: number = DomainAffect.live): Promise<number> {
    return this.vcpus(flags | VcpuFlag.maximum);
  }

  /** Plugs or unplugs the vCPUs of `map` (`0-3,5`) one by one. */
  async setVcpu(map: string, on: boolean, flags: number = DomainAffect.live): Promise<void> {
    await this.calls.status('virDomainSetVcpu', this.live(), map, on ? 1 : 0, flags);
  }

  /** Every vCPU of the running domain. */
  async vcpuInfo(): Promise<VcpuInfo[]> {
    const room = await this.maxVcpus();
    const infos = new Uint8Array(room * VCPU_INFO_SIZE);
    const maps = new Uint8Array(room * CPU_MAP_BYTES);
    const count = await this.calls.status('virDomainGetVcpus', this.live(), infos, room, maps, CPU_MAP_BYTES);
    return Array.from({ length: count }, (_, index) => {
      const info = new Structure(infos.subarray(index * VCPU_INFO_SIZE, (index + 1) * VCPU_INFO_SIZE));
      return {
        number: info.uint(0),
        state: info.int(4),
        cpuSeconds: info.ulong(8) / 1e9,
        cpu: info.int(16),
        affinity: mapAt(maps, index),
      };
    });
  }

  /** The host CPUs that each vCPU may run on. */
  async vcpuPinInfo(flags: number = DomainAffect.current): Promise<number[][]> {
    const room = await this.vcpus(flags | VcpuFlag.maximum);
    const maps = new Uint8Array(room * CPU_MAP_BYTES);
    const count = await this.calls.status(
      'virDomainGetVcpuPinInfo',
      this.live(),
      room,
      maps,
      CPU_MAP_BYTES,
      flags,
    );
    return Array.from({ length: count }, (_, index) => mapAt(maps, index));
  }

  /** Lets `vcpu` run on the host CPUs `cpus` only. */
  async pinVcpu(vcpu: number, cpus: readonly number[], flags: number = DomainAffect.live): Promise<void> {
    const map = encodeCpuMap('virDomainPinVcpuFlags', cpus);
    await this.calls.status('virDomainPinVcpuFlags', this.live(), vcpu, map, map.length, flags);
  }

  /** The host CPUs that the emulator's other threads may run on. */
  async emulatorPinInfo(flags: number = DomainAffect.current): Promise<number[]> {
    const map = new Uint8Array(CPU_MAP_BYTES);
    await this.calls.status('virDomainGetEmulatorPinInfo', this.live(), map, map.length, flags);
    return decodeCpuMap(map);
  }

  async pinEmulator(cpus: readonly number[], flags: number = DomainAffect.live): Promise<void> {
    const map = encodeCpuMap('virDomainPinEmulator', cpus);
    await this.calls.status('virDomainPinEmulator', this.live(), map, map.length, flags);
  }

  /**
   * CPU statistics (VIR_DOMAIN_CPU_STATS_*, in nanoseconds): of all CPUs together, or of `count` host CPUs from
   * `start`, one element for each.
   */
  async cpuStats(start = -1, count = 1): Promise<TypedParameters[]> {
    roomFor('virDomainGetCPUStats', 'ncpus', count, MAX_CPU_STATS * PARAMETER_SIZE);
    const ask = (memory: Uint8Array<ArrayBuffer> | null, perCpu: number) =>
      this.calls.status('virDomainGetCPUStats', this.live(), memory, perCpu, start, count, 0);
    const perCpu = Math.min(await ask(null, 0), MAX_CPU_STATS);
    if (perCpu === 0) return [];
    const bytes = new Uint8Array(perCpu * count * PARAMETER_SIZE);
    const found = await ask(bytes, perCpu);
    return Array.from({ length: count }, (_, index) =>
      decodeParameters(bytes.subarray(index * perCpu * PARAMETER_SIZE), found),
    );
  }

  async ioThreadInfo(flags: number = DomainAffect.current): Promise<IOThreadInfo[]> {
    const list: [bigint | null] = [null];
    const count = await this.calls.status('virDomainGetIOThreadInfo', this.live(), list, flags);
    const { native } = this.calls;
    if (list[0] === null) return [];
    const threads = pointersAt(list[0], count).map((pointer) => {
      const info = Structure.at(pointer, IOTHREAD_INFO_SIZE);
      const map = info.pointer(8);
      const affinity = map === null ? [] : decodeCpuMap(copyBytes(map, info.int(16)));
      native.virDomainIOThreadInfoFree(pointer);
      return { id: info.uint(0), affinity };
    });
    native.free(list[0]);
    return threads;
  }

  async addIOThread(id: number, flags: number = DomainAffect.live): Promise<void> {
    await this.calls.status('virDomainAddIOThread', this.live(), id, flags);
  }

  async delIOThread(id: number, flags: number = DomainAffect.live): Promise<void> {
    await this.calls.status('virDomainDelIOThread', this.live(), id, flags);
  }

  async pinIOThread(id: number, cpus: readonly number[], flags: number = DomainAffect.live): Promise<void> {
    const map = encodeCpuMap('virDomainPinIOThread', cpus);
    await this.calls.status('virDomainPinIOThread', this.live(), id, map, map.length, flags);
  }

  /** Parameters of one IO thread: VIR_DOMAIN_IOTHREAD_* (`poll_max_ns`, `thread_pool_max`). */
  async setIOThreadParams(
    id: number,
    parameters: readonly TypedParameter[],
    flags: number = DomainAffect.live,
  ): Promise<void> {
    await this.withParameters(parameters, (memory, count) =>
      this.calls.status('virDomainSetIOThreadParams', this.live(), id, memory, count, flags),
    );
  }
}

function mapAt(maps: Uint8Array, index: number): number[] {
  return decodeCpuMap(maps.subarray(index * CPU_MAP_BYTES, (index + 1) * CPU_MAP_BYTES));
}
