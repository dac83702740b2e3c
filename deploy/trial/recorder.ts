/** Records what happens to one job: its demand, allocations and use, from the grid's streams. */
import { telemetrySubject } from '../../actors/allocator/mod.ts';
import { directiveSubject, noteSubject } from '../../actors/grid/mod.ts';
import type { Allocation, Settlement } from '../../actors/host/mod.ts';
import { type DemandPhase, parsePhaseNote, type Run, type TimedAllocation } from '../../actors/shadow/mod.ts';
import { decode, decodeFrame, type Frame, type Transport } from '../../runtime/mod.ts';

interface Sample {
  readonly t: number;
  readonly cpuSeconds: number;
  readonly throttledSeconds: number;
  readonly totalMiB: number;
  readonly availableMiB: number;
}

export interface RecorderOptions {
  readonly transport: Transport;
  /** What the domain starts with. */
  readonly initial: Allocation;
}

/** Made before the job is submitted, so that nothing is missed; told later which job it is. */
export class Recorder {
  readonly phases: DemandPhase[] = [];
  readonly settlements: Settlement[] = [];
  readonly #samples: Sample[] = [];
  readonly #refusals: number[] = [];
  readonly #initial: Allocation;
  readonly #close: (() => void)[];
  #jobId = '';
  #kernelMiB = Number.NaN;

  constructor({ transport, initial }: RecorderOptions) {
    this.#initial = initial;
    const subscriptions = [
      transport.subscribe(noteSubject('*'), ({ data }) => {
        const { jobId, t, text } = decode(data) as { jobId: string; t: number; text: string };
        if (jobId === this.#jobId) this.#note(t, text);
      }),
      transport.subscribe(directiveSubject('*'), ({ data }) => {
        const settlement = decode(data) as Settlement;
        if (settlement.directive.jobId === this.#jobId) this.settlements.push(settlement);
      }),
      transport.subscribe(telemetrySubject('*'), ({ data }) => this.#frame(decodeFrame(data))),
    ];
    this.#close = subscriptions.map((subscription) => () => subscription.unsubscribe());
  }

  follow(jobId: string): void {
    this.#jobId = jobId;
  }

  close(): void {
    for (const close of this.#close.splice(0)) close();
  }

  /** What was recorded, to be judged from cycle `fromCycle` on. */
  run(fromCycle: number): Run {
    const kernel = Number.isNaN(this.#kernelMiB) ? 0 : this.#kernelMiB;
    const used = this.#samples.map((s) => s.totalMiB - s.availableMiB).filter((mib) => !Number.isNaN(mib));
    const leastPhase = Math.min(...this.phases.map((phase) => phase.memoryMiB));
    const overhead =
      used.length === 0 ? 0 : Math.max(0, Math.min(...used.slice(used.length >> 2)) - leastPhase);
    return {
      phases: this.phases,
      allocations: this.#allocations(),
      uses: this.#samples.map(({ t, cpuSeconds, throttledSeconds, totalMiB, availableMiB }) => ({
        t,
        cpuSeconds,
        throttledSeconds,
        memoryMiB: totalMiB - availableMiB + kernel,
      })),
      refusals: this.#refusals,
      memoryOverheadMiB: kernel + overhead,
      fromCycle,
    };
  }

  /** Mean use while the job ran: cores, and MiB of the domain. */
  meanUse(): { readonly cores: number; readonly memoryMiB: number } {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    const { uses } = this.run(0);
    const memory = uses.map((use) => use.memoryMiB).filter((mib) => !Number.isNaN(mib));
    return {
      cores: first && last ? (last.cpuSeconds - first.cpuSeconds) / ((last.t - first.t) / 1000) : Number.NaN,
      memoryMiB: memory.reduce((sum, mib) => sum + mib, 0) / Math.max(1, memory.length),
    };
  }

  #allocations(): TimedAllocation[] {
    let now: TimedAllocation = { t: 0, ...this.#initial };
    const all = [now];
    for (const { directive, granted, at } of this.settlements) {
      now = { ...now, t: at, [directive.resource]: granted };
      all.push(now);
    }
    return all;
  }

  #note(t: number, text: string): void {
    const phase = parsePhaseNote(text, t);
    if (phase !== undefined) this.phases.push(phase);
    if (text.startsWith('memory-refused')) this.#refusals.push(t);
  }

  #frame(frame: Frame): void {
    const row = frame.ids.indexOf(`sg-${this.#jobId}`);
    if (row < 0) return;
    const value = (column: string) =>
      frame.values[row * frame.columns.length + frame.columns.indexOf(column)] ?? Number.NaN;
    const totalMiB = value('memoryTotalMiB');
    if (Number.isNaN(this.#kernelMiB) && !Number.isNaN(totalMiB)) {
      this.#kernelMiB = this.#initial.memoryMiB - totalMiB;
    }
    this.#samples.push({
      t: frame.t,
      cpuSeconds: value('cpuSeconds'),
      throttledSeconds: value('throttledSeconds'),
      totalMiB,
      availableMiB: value('memoryAvailableMiB'),
    });
  }
}
