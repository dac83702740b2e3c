/** Shows a running job live: on a terminal a block that is redrawn, elsewhere a line a second. */
import { createLogUpdate } from 'log-update';
import type { Progress } from '../../actors/gateway/mod.ts';

export interface LiveViewOptions {
  readonly out: NodeJS.WriteStream;
  /** Put before every line: `simulated: `. */
  readonly label: string;
}

type Demand = Extract<Progress, { type: 'demand' }>;

const WIDTH = 40;
/** Steps of 250 ms between two lines where nothing can be redrawn. */
const STEPS_PER_LINE = 4;

export class LiveView {
  readonly #options: LiveViewOptions;
  readonly #redraw: ReturnType<typeof createLogUpdate> | undefined;
  readonly #recent: string[] = [];
  #demand: Demand | undefined;
  #steps = 0;
  #maxCores = 1;
  #maxMemory = 128;

  constructor(options: LiveViewOptions) {
    this.#options = options;
    this.#redraw = options.out.isTTY ? createLogUpdate(options.out) : undefined;
  }

  show(progress: Progress): void {
    if (progress.type === 'demand') {
      this.#demand = progress;
      this.#maxCores = Math.max(this.#maxCores, progress.cores, progress.useCores);
      this.#maxMemory = Math.max(this.#maxMemory, progress.memoryMiB);
      if (this.#redraw === undefined && this.#steps++ % STEPS_PER_LINE === 0) this.#line(plain(progress));
    } else {
      const text = textOf(progress);
      this.#recent.push(text);
      if (this.#recent.length > 8) this.#recent.shift();
      if (this.#redraw === undefined) this.#line(text);
    }
    this.#draw();
  }

  /** Leaves the last picture on the screen. */
  done(): void {
    this.#redraw?.done();
  }

  #draw(): void {
    if (this.#redraw === undefined) return;
    const d = this.#demand;
    const lines = d === undefined ? [] : [...this.#bars(d), ''];
    this.#redraw([...lines, ...this.#recent].map((line) => this.#options.label + line).join('\n'));
  }

  #bars(d: Demand): string[] {
    const cpu = bar(d.useCores / this.#maxCores, d.cores / this.#maxCores, d.upperCores / this.#maxCores);
    const memory = bar((d.useMemoryMiB || 0) / this.#maxMemory, d.memoryMiB / this.#maxMemory, Number.NaN);
    const held = d.throttled > 0.01 ? `  held back ${(d.throttled * 100).toFixed(0)} %` : '';
    return [
      `cpu    ${cpu} ${d.useCores.toFixed(2)} used, ${d.cores.toFixed(2)} given, ${d.upperCores.toFixed(2)} forecast, ${d.vcpus} vCPU${held}`,
      `memory ${memory} ${d.useMemoryMiB.toFixed(0)} used, ${d.memoryMiB} MiB given`,
      '       # used   - given   | forecast within a second',
    ];
  }

  #line(text: string): void {
    this.#options.out.write(`${this.#options.label}${text}\n`);
  }
}

function bar(used: number, given: number, forecast: number): string {
  const at = (share: number) => Math.round(Math.min(1, Math.max(0, share)) * WIDTH);
  const cells: string[] = Array.from({ length: WIDTH + 1 }, (_, i) =>
    i < at(used) ? '#' : i < at(given) ? '-' : ' ',
  );
  if (!Number.isNaN(forecast)) cells[at(forecast)] = '|';
  return `[${cells.join('')}]`;
}

function plain(d: Demand): string {
  const held = d.throttled > 0.01 ? `, held back ${(d.throttled * 100).toFixed(0)} %` : '';
  return (
    `cpu ${d.useCores.toFixed(2)} of ${d.cores.toFixed(2)} cores on ${d.vcpus} vCPU, forecast ${d.upperCores.toFixed(2)}; ` +
    `memory ${d.useMemoryMiB.toFixed(0)} of ${d.memoryMiB} MiB${held}`
  );
}

function textOf(progress: Exclude<Progress, Demand>): string {
  if (progress.type === 'state') {
    const { id, state, host, bootMs, error } = progress.job;
    const boot =
      state === 'running' && bootMs !== undefined ? `, booted in ${(bootMs / 1000).toFixed(1)} s` : '';
    return `job ${id} is ${state}${host ? ` on ${host}` : ''}${boot}${error ? `: ${error.message}` : ''}`;
  }
  if (progress.type === 'note') return `guest: ${progress.text}`;
  const { resource, from, to, rule, outcome, tookMs } = progress;
  const unit = { cores: ' cores', vcpus: ' vCPU', memoryMiB: ' MiB' }[resource] ?? '';
  return `${rule}: ${from} -> ${to}${unit}, ${outcome} in ${tookMs} ms`;
}
