/** A grid in a process of its own, for benchmarks and fault tests: started, killed, started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { JobClient, VmClient } from '../../actors/gateway/mod.ts';
import { findGrid, gridPaths } from '../../deploy/local/mod.ts';
import { connectNats, createMux, type Mux, type NatsTransport } from '../../runtime/mod.ts';
import { processesOf } from './processes.ts';

const MAIN = fileURLToPath(new URL('../../deploy/cli/main.ts', import.meta.url));

export interface GridProcessOptions {
  readonly simulated?: boolean;
  /** More arguments of `shadowgrid up`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly readyMs?: number;
}

/** The grid did not come up: what it said is in the message. */
export class GridDidNotStart extends Error {}

export class GridProcess {
  readonly state: string;
  readonly #options: GridProcessOptions;
  #child: ChildProcess | undefined;
  #said = '';

  private constructor(state: string, options: GridProcessOptions) {
    this.state = state;
    this.#options = options;
  }

  /** Starts one in a new state directory. */
  static async start(options: GridProcessOptions = {}): Promise<GridProcess> {
    const grid = new GridProcess(await mkdtemp(join(tmpdir(), 'sg-')), options);
    try {
      await grid.up();
    } catch (error) {
      await grid.stop();
      throw error;
    }
    return grid;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new GridDidNotStart('the grid is not running');
    return this.#child.pid;
  }

  /** What it has written so far. */
  get said(): string {
    return this.#said;
  }

  /** Starts it (again) and waits until it can be reached. */
  async up(): Promise<void> {
    const { simulated, args = [], env, readyMs = 120_000 } = this.#options;
    const child = spawn(
      process.execPath,
      // With the flags that this process was started with: benchmarks run as users' commands do.
      [
        ...process.execArgv,
        MAIN,
        'up',
        '--state',
        this.state,
        ...(simulated ? ['--simulated'] : []),
        ...args,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, UV_THREADPOOL_SIZE: '16', ...env } },
    );
    this.#child = child;
    let ended = false;
    child.once('exit', () => {
      ended = true;
    });
    child.stdout.on('data', (chunk) => {
      this.#said += chunk;
    });
    child.stderr.on('data', (chunk) => {
      this.#said += chunk;
    });
    const deadline = Date.now() + readyMs;
    const { record } = gridPaths(this.state);
    for (;;) {
      const found = await findGrid(record).catch(() => undefined);
      if (found?.natsUrl !== undefined && found.pid === child.pid) return;
      if (ended || Date.now() > deadline) throw new GridDidNotStart(`the grid did not start: ${this.#said}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  /** Ends it by `signal` and waits until it is gone; its exit status, or undefined after a kill. */
  async end(signal: NodeJS.Signals): Promise<number | undefined> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null)
      return child?.exitCode ?? undefined;
    const gone = new Promise<number | undefined>((resolve) => {
      child.once('exit', (code) => resolve(code ?? undefined));
    });
    child.kill(signal);
    return await gone;
  }

  /** Orderly end; nothing of it stays behind, whatever a test did to it. */
  async stop(): Promise<void> {
    await this.end('SIGTERM');
    for (const { pid } of await processesOf(this.state)) kill(pid);
    const { run } = gridPaths(this.state);
    for (const folder of [run, this.state]) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async connect(): Promise<GridClient> {
    const { natsUrl, adminUrl } = await findGrid(gridPaths(this.state).record);
    const transport = await connectNats({ servers: natsUrl ?? '', name: 'test' });
    const mux = createMux(transport);
    return {
      transport,
      mux,
      jobs: new JobClient(mux),
      vms: new VmClient(mux),
      natsUrl: natsUrl ?? '',
      adminUrl: adminUrl ?? '',
      [Symbol.asyncDispose]: async () => {
        await mux.close();
        await transport.close();
      },
    };
  }
}

/** A process that a failed test left behind. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

export interface GridClient extends AsyncDisposable {
  readonly transport: NatsTransport;
  readonly mux: Mux;
  readonly jobs: JobClient;
  readonly vms: VmClient;
  readonly natsUrl: string;
  readonly adminUrl: string;
}
