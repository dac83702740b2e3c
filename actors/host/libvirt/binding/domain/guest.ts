/** Talking to a domain's guest agent, and to QEMU itself. */
import type { Pointer } from '../c-types.ts';
import * as C from '../generated/constants.ts';
import { readString } from '../native.ts';
import { pointersAt, Structure } from '../structure.ts';
import type { TypedParameters } from '../typed-parameters.ts';
import { DomainJobs } from './jobs.ts';

/** virDomainFSInfo. */
export interface FileSystemInfo {
  readonly mountPoint: string;
  /** `vda1`. */
  readonly name: string;
  /** `ext4`. */
  readonly type: string;
  /** Targets of the disks that it is on. */
  readonly disks: readonly string[];
}

/** sizeof(virDomainFSInfo). */
const FS_INFO_SIZE = 40;

/** Fails with ErrorCode.agentUnresponsive or argumentUnsupported where there is no qemu-guest-agent. */
export class DomainGuest extends DomainJobs {
  /** Freezes the file systems (all of them by default); returns how many. */
  async fsFreeze(mountPoints: readonly string[] = []): Promise<number> {
    const { length } = mountPoints;
    return this.calls.status('virDomainFSFreeze', this.live(), length === 0 ? null : mountPoints, length, 0);
  }

  async fsThaw(mountPoints: readonly string[] = []): Promise<number> {
    const { length } = mountPoints;
    return this.calls.status('virDomainFSThaw', this.live(), length === 0 ? null : mountPoints, length, 0);
  }

  /** Gives back blocks of `minimum` bytes or more that no file uses. */
  async fsTrim(mountPoint: string | null = null, minimum = 0): Promise<void> {
    await this.calls.status('virDomainFSTrim', this.live(), mountPoint, minimum, 0);
  }

  async fsInfo(): Promise<FileSystemInfo[]> {
    const list: [Pointer | null] = [null];
    const count = await this.calls.status('virDomainGetFSInfo', this.live(), list, 0);
    if (list[0] === null) return [];
    const { native } = this.calls;
    const systems = pointersAt(list[0], count).map((pointer) => {
      const info = Structure.at(pointer, FS_INFO_SIZE);
      const aliases = info.pointer(32);
      const disks = aliases === null ? [] : pointersAt(aliases, info.ulong(24)).map(readString);
      const system = {
        mountPoint: info.text(0) ?? '',
        name: info.text(8) ?? '',
        type: info.text(16) ?? '',
        disks,
      };
      native.virDomainFSInfoFree(pointer);
      return system;
    });
    native.free(list[0]);
    return systems;
  }

  /** vCPUs as the guest sees them: `vcpus`, `online`, `offlinable`, each as a list (`0-3`). */
  async guestVcpus(): Promise<TypedParameters> {
    const list: [Pointer | null] = [null];
    const count: [number] = [0];
    await this.calls.status('virDomainGetGuestVcpus', this.live(), list, count, 0);
    return this.takeParameters(list[0], count[0]);
  }

  /** Has the guest take the vCPUs of `map` (`1-2`) online or offline. */
  async setGuestVcpus(map: string, online: boolean): Promise<void> {
    await this.calls.status('virDomainSetGuestVcpus', this.live(), map, online ? 1 : 0, 0);
  }

  /** `types`: VIR_DOMAIN_GUEST_INFO_*, 0 for all that the agent knows. */
  async guestInfo(types = 0): Promise<TypedParameters> {
    const list: [Pointer | null] = [null];
    const count: [number] = [0];
    await this.calls.status('virDomainGetGuestInfo', this.live(), types, list, count, 0);
    return this.takeParameters(list[0], count[0]);
  }

  /** Seconds that the agent has for each answer; -2 for ever, -1 libvirt's default, 0 not at all. */
  async agentSetResponseTimeout(seconds: number): Promise<void> {
    await this.calls.status('virDomainAgentSetResponseTimeout', this.live(), seconds, 0);
  }

  /** The guest's host name. */
  async hostname(flags = 0): Promise<string> {
    return this.calls.text('virDomainGetHostname', this.live(), flags);
  }

  /** The guest's clock, in seconds since 1970. */
  async time(): Promise<number> {
    const seconds: [number] = [0];
    const nanoseconds: [number] = [0];
    await this.calls.status('virDomainGetTime', this.live(), seconds, nanoseconds, 0);
    return Number(seconds[0]) + nanoseconds[0] / 1e9;
  }

  async setTime(seconds: number, flags = 0): Promise<void> {
    const whole = Math.floor(seconds);
    const nanoseconds = Math.floor((seconds - whole) * 1e9);
    await this.calls.status('virDomainSetTime', this.live(), whole, nanoseconds, flags);
  }

  /** Sends qemu-guest-agent a command (`{"execute":"guest-ping"}`); resolves with its answer. */
  async qemuAgentCommand(
    command: string,
    timeoutSeconds: number = C.VIR_DOMAIN_QEMU_AGENT_COMMAND_DEFAULT,
  ): Promise<string> {
    return this.calls.text('virDomainQemuAgentCommand', this.live(), command, timeoutSeconds, 0);
  }

  /**
   * Sends QEMU's monitor a command, as JSON, or for people with VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP. What changes
   * anything behind libvirt's back is at your own risk: libvirt marks the domain as tainted.
   */
  async qemuMonitorCommand(command: string, flags = 0): Promise<string> {
    const result: [Pointer | null] = [null];
    await this.calls.status('virDomainQemuMonitorCommand', this.live(), command, result, flags);
    if (result[0] === null) return '';
    try {
      return readString(result[0]);
    } finally {
      this.calls.native.free(result[0]);
    }
  }
}
