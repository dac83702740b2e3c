/** What one can ask of the agent inside a guest, whatever carries the messages. */

/** State of the one job a guest runs. */
export type GuestJob =
  | { readonly state: 'idle' }
  | { readonly state: 'running'; readonly id: string; readonly outputBytes: number }
  | {
      readonly state: 'exited';
      readonly id: string;
      readonly outputBytes: number;
      /** Exit status, or 128 + signal when a signal ended it. */
      readonly exitCode: number;
      /** Signal that ended the command, 0 if none. */
      readonly signal: number;
    };

/** CPUs that are online and memory that is touched, but which the job may not use. */
export interface GuestWarmth {
  readonly vcpus: number;
  readonly memoryMiB: number;
}

/** CPUs and memory that the job may use: what is warm does not count. */
export interface GuestStats {
  /** Seconds since the guest booted. */
  readonly uptime: number;
  readonly onlineVcpus: number;
  readonly memoryTotalMiB: number;
  readonly memoryAvailableMiB: number;
}

/** What the guest tells of its own accord. */
export type GuestEvent =
  | { readonly type: 'exited'; readonly id: string; readonly exitCode: number; readonly signal: number }
  /** Every `statsIntervalMs`, see {@link GuestAgent.streamStats}. */
  | { readonly type: 'stats'; readonly stats: GuestStats }
  /** A line that a program in the guest wrote to /run/shadowgrid/notes. */
  | { readonly type: 'note'; readonly text: string }
  | { readonly type: 'hotplug'; readonly what: 'cpu' | 'memory'; readonly onlineVcpus: number };

/** Client of one guest's agent. Every call rejects with `GuestUnreachable` after `timeoutMs` (default 5 s). */
export interface GuestAgent {
  /** Starts the job's shell command; starting the same id again is a no-op, another id is refused while one runs. */
  run(id: string, command: string): Promise<void>;
  /** State of the job: survives our own restart, because the agent keeps it. */
  job(): Promise<GuestJob>;
  /** Combined stdout and stderr from byte `offset`, at most `maxBytes` (the agent keeps the last 4 MiB). */
  output(offset: number, maxBytes: number): Promise<{ readonly offset: number; readonly data: Uint8Array }>;
  /** Ends the job: SIGTERM, then SIGKILL after `graceMs`. */
  kill(graceMs: number): Promise<void>;
  /** Brings exactly `count` CPUs online (CPU 0 always stays); resolves with the count that is online then. */
  setOnlineVcpus(count: number): Promise<number>;
  /**
   * Keeps that much beyond what the job has from it: of CPUs those above its count, of memory what is added from now on.
   * What is less than before goes: CPUs offline, memory as the host takes it away. Resolves with what is so far: ask
   * again until it is all.
   */
  setWarm(warmth: GuestWarmth): Promise<GuestWarmth>;
  /** Lets the job have that much of what is warm, at once; resolves with its number of CPUs. */
  giveWarm(warmth: GuestWarmth): Promise<number>;
  stats(): Promise<GuestStats>;
  /** The guest sends a `stats` event every `intervalMs`; 0 stops it. */
  streamStats(intervalMs: number): Promise<void>;
  /** Listens to events; returns the function that ends it. */
  onEvent(listener: (event: GuestEvent) => void): () => void;
  close(): void;
}
