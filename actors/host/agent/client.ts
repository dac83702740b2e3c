/** Client of a guest agent over any duplex stream: matches answers to requests, keeps deadlines, hands out events. */
import type { Duplex } from 'node:stream';
import { GuestUnreachable, HypervisorError } from '../errors.ts';
import type { GuestAgent, GuestEvent, GuestJob, GuestStats, GuestWarmth } from './port.ts';
import {
  type AgentMessage,
  type AgentRequest,
  encodeRequest,
  LineSplitter,
  PROTOCOL_VERSION,
  parseCount,
  parseJob,
  parseLine,
  parseOutput,
  parseStats,
  parseWarm,
} from './protocol.ts';

export interface AgentClientOptions {
  /** Name of the guest, for errors. */
  readonly domain: string;
  /** How long a call waits for its answer; default 5000 ms. */
  readonly timeoutMs?: number;
}

interface Pending {
  readonly resolve: (fields: readonly string[]) => void;
  readonly reject: (error: Error) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** The stream is the client's from now on: `close` destroys it. It does not reconnect, see connectAgent. */
export class AgentClient implements GuestAgent {
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
  readonly #stream: Duplex;
  readonly #domain: string;
  readonly #timeoutMs: number;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(event: GuestEvent) => void>();
  #gone: Error | undefined;
  // An answer to a client before us may still be under way: numbers of two clients should not meet.
  #sequence = Math.floor(Math.random() * 1e9);

  constructor(stream: Duplex, options: AgentClientOptions) {
    this.#stream = stream;
    this.#domain = options.domain;
    this.#timeoutMs = options.timeoutMs ?? 5000;
    const lines = new LineSplitter();
    stream.on('data', (chunk: Uint8Array) => {
      for (const line of lines.push(chunk)) this.#receive(parseLine(line));
    });
    this.closed = new Promise((resolve) => {
      const end = (cause?: Error) => {
        this.#fail(new GuestUnreachable(this.#domain, 'the channel to the agent was closed', cause));
        resolve();
      };
      stream.on('error', end);
      stream.on('end', () => stream.destroy());
      stream.on('close', () => end());
    });
    // Ends what a client before us may have left half-written.
    stream.write('\n');
  }

  /** Asks whether an agent of our protocol is there. */
  async hello(timeoutMs = this.#timeoutMs): Promise<void> {
    const version = await this.#ask({ verb: 'hello' }, (fields) => parseCount(fields[0]), timeoutMs);
    if (version !== PROTOCOL_VERSION) {
      throw new HypervisorError(
        `guest ${this.#domain}: its agent speaks protocol ${version}, we speak ${PROTOCOL_VERSION}`,
        { hint: 'rebuild the guest image' },
        'guest-protocol',
      );
    }
  }

  async run(id: string, command: string): Promise<void> {
    await this.#ask({ verb: 'run', id, command }, nothing);
  }

  job(): Promise<GuestJob> {
    return this.#ask({ verb: 'job' }, parseJob);
  }

  output(offset: number, maxBytes: number): Promise<{ readonly offset: number; readonly data: Uint8Array }> {
    return this.#ask({ verb: 'output', offset, maxBytes }, parseOutput);
  }

  async kill(graceMs: number): Promise<void> {
    await this.#ask({ verb: 'kill', graceMs }, nothing);
  }

  setOnlineVcpus(count: number): Promise<number> {
    return this.#ask({ verb: 'cpus', count }, (fields) => parseCount(fields[0]));
  }

  setWarm({ vcpus, memoryMiB }: GuestWarmth): Promise<GuestWarmth> {
    return this.#ask({ verb: 'warm', vcpus, memoryMiB }, parseWarm);
  }

  async giveWarm({ vcpus, memoryMiB }: GuestWarmth): Promise<number> {
    return (await this.#ask({ verb: 'give', vcpus, memoryMiB }, parseWarm)).vcpus;
  }

  stats(): Promise<GuestStats> {
    return this.#ask({ verb: 'stats' }, parseStats);
  }

  async streamStats(intervalMs: number): Promise<void> {
    await this.#ask({ verb: 'stream', intervalMs }, nothing);
  }

  onEvent(listener: (event: GuestEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#fail(new GuestUnreachable(this.#domain, 'the client was closed'));
    this.#stream.destroy();
  }

  async #ask<T>(
    request: AgentRequest,
    parse: (fields: readonly string[]) => T | undefined,
    timeoutMs = this.#timeoutMs,
  ): Promise<T> {
    if (this.#gone !== undefined) throw this.#gone;
    this.#sequence += 1;
    const sequence = this.#sequence;
    const fields = await new Promise<readonly string[]>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(sequence);
        reject(new GuestUnreachable(this.#domain, `no answer to ${request.verb} in ${timeoutMs} ms`));
      }, timeoutMs);
      this.#pending.set(sequence, { resolve, reject, timer });
      this.#stream.write(encodeRequest(sequence, request));
    });
    const answer = parse(fields);
    if (answer === undefined) {
      throw new GuestUnreachable(
        this.#domain,
        `the answer to ${request.verb} cannot be read: ${fields.join(' ')}`,
      );
    }
    return answer;
  }

  #receive(message: AgentMessage | undefined): void {
    if (message === undefined) return;
    if (message.kind === 'event') {
      for (const listener of this.#listeners) listener(message.event);
      return;
    }
    // Unknown numbers are answers that came after their deadline.
    const pending = this.#pending.get(message.sequence);
    if (pending === undefined) return;
    this.#pending.delete(message.sequence);
    clearTimeout(pending.timer);
    if (message.kind === 'answer') pending.resolve(message.fields);
    else pending.reject(refused(this.#domain, message.code, message.message));
  }

  #fail(error: Error): void {
    this.#gone ??= error;
    for (const pending of this.#pending.values()) {
      clearTimeout(pending.timer);
      pending.reject(this.#gone);
    }
    this.#pending.clear();
  }
}

const nothing = () => null;

/** The agent understood and said no; its codes get the prefix `guest-`. */
function refused(domain: string, code: string, message: string): HypervisorError {
  return new HypervisorError(`guest ${domain}: ${message}`, {}, `guest-${code}`);
}
