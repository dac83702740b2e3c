/** The worker of this folder's tests: echoes, waits, crashes. */
import { serveWorker } from './serve.ts';

export interface EchoContract {
  readonly calls: {
    double(values: Float64Array): Float64Array;
    wait(gate: SharedArrayBuffer): string;
    refuse(field: string): never;
    crash(reason: string): void;
  };
  readonly events: {
    readonly cancelled: { readonly reason: string };
    readonly started: { readonly given: unknown };
  };
}

const scope = serveWorker<EchoContract>({
  double: (values, { transfer }) => {
    const doubled = values.map((value) => 2 * value);
    transfer.push(doubled.buffer);
    return doubled;
  },
  wait: async (gate, { signal }) => {
    signal.addEventListener('abort', () => scope.emit('cancelled', { reason: 'asked' }));
    const waiting = Atomics.waitAsync(new Int32Array(gate), 0, 0);
    if (waiting.async) await waiting.value;
    return 'waited';
  },
  refuse: (field) => {
    throw Object.assign(new Error(`${field} is not right`));
  },
  crash: (reason) => {
    setTimeout(() => {
      throw new Error(reason);
    }, 0);
    return new Promise<void>(() => undefined);
  },
});
scope.emit('started', { given: scope.workerData });
