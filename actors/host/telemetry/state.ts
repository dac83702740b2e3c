/** The state stream's port: what a mirror is told of a VM's inner state, at a rate and cost that its reader sets. */
import type { BlockCounters, DirtyRate, InterfaceCounters } from './slow.ts';

/** Registers of all vCPUs, columnar. */
export interface RegisterBank {
  /** Names in the architecture's own spelling: `RAX`, `RIP`, `CR3`, `FS.base`. */
  readonly columns: readonly string[];
  /** Row-major, vCPUs x columns; a register that a vCPU did not show is 0. */
  readonly values: BigUint64Array;
}

/** A page of the guest's physical memory. */
export interface MemoryPage {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** One look at a VM. A part is absent when it was not asked for, not affordable at this tick, or not to be had. */
export interface StateFrame {
  readonly domain: string;
  /** Milliseconds since the epoch, when the look began. */
  readonly t: number;
  /** 1, 2, 3, ... over the frames that were made. */
  readonly sequence: number;
  /** Ticks since the frame before that made none: the reader was behind, or the budget was spent. */
  readonly dropped: number;
  /** Monitor time that this frame took, ms. */
  readonly costMs: number;
  readonly registers?: RegisterBank;
  readonly pages?: readonly MemoryPage[];
  readonly blocks?: readonly BlockCounters[];
  readonly interfaces?: readonly InterfaceCounters[];
  readonly dirtyRate?: DirtyRate;
}

/** Counters of a VM's devices. */
export interface DeviceCounters {
  readonly blocks: readonly BlockCounters[];
  readonly interfaces: readonly InterfaceCounters[];
}

/** Where frames come from: one VM, asked piece by piece. Each call costs monitor time and rejects with HypervisorError. */
export interface StateSource extends AsyncDisposable {
  readonly domain: string;
  /** Ranges of guest memory that may be looked at, bytes: page-aligned. */
  memoryRanges(): Promise<readonly MemoryRange[]>;
  registers(): Promise<RegisterBank>;
  page(address: number, bytes: number): Promise<Uint8Array>;
  devices(): Promise<DeviceCounters>;
  /** The result of the measurement before, if it is there, and begins the next of `seconds`. */
  dirtyRate(seconds: number): Promise<DirtyRate | undefined>;
}

export interface MemoryRange {
  readonly address: number;
  readonly bytes: number;
}

export type StatePart = 'registers' | 'pages' | 'devices' | 'dirtyRate';

export interface StateStreamOptions {
  /** Time between frames, ms; default 200. */
  readonly intervalMs?: number;
  /**
   * Monitor time that the stream may take of each second, ms; default 50. What a part will cost is taken from its
   * last runs. A part that is over budget is left out until there is budget again.
   */
  readonly budgetMsPerSecond?: number;
  /** What to look at, in order of importance: the first ones get the budget. Default: all, in the order of StatePart. */
  readonly parts?: readonly StatePart[];
  /** Pages for each frame; default 4. As many as the budget allows are read. */
  readonly pagesPerFrame?: number;
  /** Length of a dirty rate's measurement, seconds; default 1. */
  readonly dirtyRateSeconds?: number;
  /** Frames that wait for a slow reader; default 1. While they wait no further ones are made. */
  readonly buffer?: number;
  /** Ends the stream. */
  readonly signal?: AbortSignal;
}

/** Frames until the VM ends, the reader leaves (`break`, `return()`) or the signal aborts. Read by one reader. */
export interface StateStream extends AsyncIterableIterator<StateFrame>, AsyncDisposable {
  /** So far: frames made, ticks without one and why, parts left out, monitor time used. */
  readonly report: StateStreamReport;
}

export interface StateStreamReport {
  readonly frames: number;
  /** Ticks that made no frame because the reader had not taken the one before. */
  readonly droppedForReader: number;
  /** Ticks that made no frame because there was no budget for any part, or the frame before took longer than a tick. */
  readonly droppedForBudget: number;
  readonly partsLeftOut: Readonly<Record<StatePart, number>>;
  readonly costMs: number;
  /** Of the whole life of the stream: monitor time per second, ms. */
  readonly costMsPerSecond: number;
}
