/**
 * The line protocol between host and guest agent; its other half is deploy/guest/agent/agent.h, which lists every
 * verb, answer and event. Text lines; payloads in base64, ids percent-encoded; an answer repeats its request's number.
 */
import { Buffer } from 'node:buffer';
import type { GuestEvent, GuestJob, GuestStats, GuestWarmth } from './port.ts';

export const PROTOCOL_VERSION = 1;

/** A longer line is not of this protocol: the longest, a chunk of output, has 64 KiB. */
const LINE_LIMIT = 256 * 1024;

export type AgentRequest =
  | { readonly verb: 'hello' }
  | { readonly verb: 'run'; readonly id: string; readonly command: string }
  | { readonly verb: 'job' }
  | { readonly verb: 'output'; readonly offset: number; readonly maxBytes: number }
  | { readonly verb: 'kill'; readonly graceMs: number }
  | { readonly verb: 'cpus'; readonly count: number }
  | { readonly verb: 'warm' | 'give'; readonly vcpus: number; readonly memoryMiB: number }
  | { readonly verb: 'stats' }
  | { readonly verb: 'stream'; readonly intervalMs: number };

export type AgentMessage =
  | { readonly kind: 'answer'; readonly sequence: number; readonly fields: readonly string[] }
  | { readonly kind: 'error'; readonly sequence: number; readonly code: string; readonly message: string }
  | { readonly kind: 'event'; readonly event: GuestEvent };

/** The request as a line, with its line feed. */
export function encodeRequest(sequence: number, request: AgentRequest): string {
  return `${[sequence, request.verb, ...requestFields(request)].join(' ')}\n`;
}

function requestFields(request: AgentRequest): (string | number)[] {
  switch (request.verb) {
    case 'hello':
      return [PROTOCOL_VERSION];
    case 'run':
      return [encodeURIComponent(request.id), Buffer.from(request.command).toString('base64')];
    case 'output':
      return [whole(request.offset), whole(request.maxBytes)];
    case 'kill':
      return [whole(request.graceMs)];
    case 'cpus':
      return [whole(request.count)];
    case 'stream':
      return [whole(request.intervalMs)];
    case 'warm':
    case 'give':
      return [whole(request.vcpus), whole(request.memoryMiB * 1024)];
    case 'job':
    case 'stats':
      return [];
  }
}

const whole = (value: number) => Math.max(0, Math.round(value));

/** What a line says, or undefined if it is not of this protocol: noise of a half-read line is no error. */
export function parseLine(line: string): AgentMessage | undefined {
  const [first = '', second, ...rest] = line.split(' ');
  if (first === 'event') {
    const event = parseEvent(second, rest);
    return event && { kind: 'event', event };
  }
  const sequence = parseCount(first);
  if (sequence === undefined) return undefined;
  if (second === 'ok') return { kind: 'answer', sequence, fields: rest };
  if (second === 'error' && rest[0] !== undefined) {
    return { kind: 'error', sequence, code: rest[0], message: decodeText(rest[1] ?? '') };
  }
  return undefined;
}

function parseEvent(type: string | undefined, fields: readonly string[]): GuestEvent | undefined {
  switch (type) {
    case 'exited': {
      const [id, exitCode, signal] = [decodeId(fields[0]), parseCount(fields[1]), parseCount(fields[2])];
      if (id === undefined || exitCode === undefined || signal === undefined) return undefined;
      return { type: 'exited', id, exitCode, signal };
    }
    case 'stats': {
      const stats = parseStats(fields);
      return stats && { type: 'stats', stats };
    }
    case 'note':
      return fields[0] === undefined ? undefined : { type: 'note', text: decodeText(fields[0]) };
    case 'hotplug': {
      const [what, onlineVcpus] = [fields[0], parseCount(fields[1])];
      if ((what !== 'cpu' && what !== 'memory') || onlineVcpus === undefined) return undefined;
      return { type: 'hotplug', what, onlineVcpus };
    }
    default:
      return undefined;
  }
}

/** `UPTIME ONLINE TOTAL_KIB AVAILABLE_KIB` */
export function parseStats(fields: readonly string[]): GuestStats | undefined {
  const [uptime, onlineVcpus, totalKiB, availableKiB] = fields.map(Number);
  if (fields.length !== 4 || ![uptime, onlineVcpus, totalKiB, availableKiB].every(Number.isFinite))
    return undefined;
  return {
    uptime: uptime ?? 0,
    onlineVcpus: onlineVcpus ?? 0,
    memoryTotalMiB: (totalKiB ?? 0) / 1024,
    memoryAvailableMiB: (availableKiB ?? 0) / 1024,
  };
}

/** `idle`, `running ID BYTES` or `exited ID BYTES EXITCODE SIGNAL` */
export function parseJob(fields: readonly string[]): GuestJob | undefined {
  const [state, encodedId] = fields;
  if (state === 'idle') return { state };
  const [id, outputBytes] = [decodeId(encodedId), parseCount(fields[2])];
  if (id === undefined || outputBytes === undefined) return undefined;
  if (state === 'running') return { state, id, outputBytes };
  const [exitCode, signal] = [parseCount(fields[3]), parseCount(fields[4])];
  if (state !== 'exited' || exitCode === undefined || signal === undefined) return undefined;
  return { state, id, outputBytes, exitCode, signal };
}

/** `CPUS KIB` */
export function parseWarm(fields: readonly string[]): GuestWarmth | undefined {
  const [vcpus, kib] = [parseCount(fields[0]), parseCount(fields[1])];
  return vcpus === undefined || kib === undefined ? undefined : { vcpus, memoryMiB: kib / 1024 };
}

/** `OFFSET DATA64` */
export function parseOutput(
  fields: readonly string[],
): { readonly offset: number; readonly data: Uint8Array } | undefined {
  const offset = parseCount(fields[0]);
  if (offset === undefined) return undefined;
  return { offset, data: new Uint8Array(Buffer.from(fields[1] ?? '', 'base64')) };
}

/** A whole number, 0 or more. */
export function parseCount(field: string | undefined): number | undefined {
  return field !== undefined && /^\d{1,15}$/.test(field) ? Number(field) : undefined;
}

function decodeId(field: string | undefined): string | undefined {
  try {
    return field && decodeURIComponent(field);
  } catch {
    return undefined;
  }
}

function decodeText(field: string): string {
  return Buffer.from(field, 'base64').toString('utf8');
}

/** Cuts a byte stream into lines, whatever the chunks; what is too long for a line of ours is dropped. */
export class LineSplitter {
  #begun: Uint8Array[] = [];
  #bytes = 0;

  push(chunk: Uint8Array): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      this.#keep(chunk.subarray(start, end));
      if (this.#bytes <= LINE_LIMIT) lines.push(Buffer.concat(this.#begun).toString('latin1'));
      this.#begun = [];
      this.#bytes = 0;
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
    return lines;
  }

  #keep(part: Uint8Array): void {
    this.#bytes += part.byteLength;
    if (this.#bytes > LINE_LIMIT) this.#begun = [];
    else if (part.byteLength > 0) this.#begun.push(part);
  }
}
