/** Where a worker begins that is no `node:worker_threads`: a Web Worker of Deno's, or a process. Runs the module it is sent. */
import { deserialize, serialize } from 'node:v8';
import { type Endpoint, provideEndpoint } from './endpoint.ts';
import type { StartWorker, ToWorker, WorkerEnded } from './protocol.ts';

/** How this kind of worker speaks and ends. */
interface Line {
  readonly post: Endpoint['post'];
  /** Hears no more; the worker ends when it has nothing left to do. */
  readonly end: () => void;
  /** Ends at once. */
  readonly fail: (reason: unknown) => void;
}

/** Until the module listens. */
const early: ToWorker[] = [];
let listener: ((message: ToWorker) => void) | undefined;
const line = 'DedicatedWorkerGlobalScope' in globalThis ? webWorkerLine(receive) : processLine(receive);

function receive(message: StartWorker | ToWorker): void {
  if (message.kind === 'start') start(message);
  else if (listener === undefined) early.push(message);
  else listener(message);
}

function start({ url, workerData }: StartWorker): void {
  provideEndpoint({
    workerData,
    post: line.post,
    listen: (given) => {
      listener = given;
      for (const message of early.splice(0)) given(message);
    },
    end: line.end,
  });
  import(url).catch(line.fail);
}

const reasonOf = (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown));

function webWorkerLine(hear: (message: StartWorker | ToWorker) => void): Line {
  const scope = globalThis as unknown as {
    onmessage: ((event: { readonly data: StartWorker | ToWorker }) => void) | null;
    postMessage(message: unknown, options?: { readonly transfer: readonly unknown[] }): void;
    close(): void;
  };
  scope.onmessage = ({ data }) => hear(data);
  const end = (ended: WorkerEnded) => {
    scope.postMessage(ended);
    scope.close();
  };
  // A Web Worker does not tell how it ended.
  process.once('exit', (code) => scope.postMessage({ kind: 'ended', code } satisfies WorkerEnded));
  return {
    post: (message, transfer) => scope.postMessage(message, { transfer }),
    end: () => end({ kind: 'ended', code: 0 }),
    fail: (thrown) => end({ kind: 'ended', code: 1, error: reasonOf(thrown) }),
  };
}

function processLine(hear: (message: StartWorker | ToWorker) => void): Line {
  const send = (message: unknown, sent?: () => void) => {
    // Who started us may be gone: then 'disconnect' says so.
    process.send?.(serialize(message), undefined, undefined, () => sent?.());
  };
  const fail = (thrown: unknown) => {
    const ended: WorkerEnded = { kind: 'ended', code: 1, error: reasonOf(thrown) };
    if (process.connected) send(ended, () => process.exit(1));
    else process.exit(1);
  };
  const heard = (bytes: unknown) => hear(deserialize(bytes as Buffer));
  process.on('message', heard);
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  process.once('disconnect', () => hear({ kind: 'close' }));
  return {
    post: (message) => send(message),
    end: () => {
      process.off('message', heard);
      if (process.connected) process.disconnect();
    },
    fail,
  };
}
