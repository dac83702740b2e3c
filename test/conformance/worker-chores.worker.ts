/** The worker of the workers' conformance suite: what it is asked is what a sandbox and an orderly end are about. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';
// The face of workers alone: a sandbox has no need of NATS.
import { serveWorker } from '../../runtime/worker/mod.ts';

export interface ChoresContract {
  readonly calls: {
    double(values: Float64Array): Float64Array;
    /** Answers once `release` is called, or 'given up' once it is cancelled. */
    hold(name: string): string;
    release(name: string): void;
    refuse(field: string): never;
    /** Answers what cannot be cloned. */
    unclonable(): unknown;
    crash(reason: string): void;
    exit(code: number): void;
    spin(): never;
    pid(): number;
    read(path: string): string;
    write(path: string): void;
    run(program: string): number | null;
    thread(): void;
    environment(name: string): string | undefined;
    connect(port: number): string;
  };
  readonly events: {
    readonly started: { readonly given: unknown };
    readonly holding: { readonly name: string };
    readonly closed: { readonly calls: number };
  };
}

const held = new Map<string, () => void>();
let calls = 0;

const scope = serveWorker<ChoresContract>(
  {
    double: (values, { transfer }) => {
      calls += 1;
      const doubled = values.map((value) => 2 * value);
      transfer.push(doubled.buffer);
      return doubled;
    },
    hold: (name, { signal }) =>
      new Promise((resolve) => {
        held.set(name, () => resolve('released'));
        signal.addEventListener('abort', () => resolve('given up'));
        scope.emit('holding', { name });
      }),
    release: (name) => held.get(name)?.(),
    refuse: (field) => {
      throw new TypeError(`${field} is not right`);
    },
    unclonable: () => () => {},
    crash: (reason) => {
      setTimeout(() => {
        throw new Error(reason);
      }, 0);
      return new Promise<void>(() => undefined);
    },
    exit: (code) => process.exit(code),
    spin: () => {
      for (;;);
    },
    pid: () => process.pid,
    read: (path) => readFileSync(path, 'utf8'),
    write: (path) => writeFileSync(path, 'written'),
    run: (program) => {
      const { error, status } = spawnSync(program);
      if (error !== undefined) throw error;
      return status;
    },
    thread: () => void new Worker('', { eval: true }),
    environment: (name) => process.env[name],
    connect: (port) =>
      new Promise((resolve, reject) => {
        const socket = connect(port, '127.0.0.1');
        socket.once('error', (cause) => reject(new Error(`port ${port}: ${cause.message}`, { cause })));
        socket.once('connect', () => {
          socket.destroy();
          resolve('connected');
        });
      }),
  },
  { onClose: (): void => scope.emit('closed', { calls }) },
);
scope.emit('started', { given: scope.workerData });
