/** A worker in a process of its own, of the runtime that this one is: it may be killed, and Node can restrict it too. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { deserialize, serialize } from 'node:v8';
import { denoArguments, environmentOf, nodeArguments, type WorkerPermissions } from './permissions.ts';
import type { Channel, ChannelEvents, WorkerExit } from './port.ts';
import type { FromWorker, StartWorker, ToWorker, WorkerEnded } from './protocol.ts';

export interface ProcessOptions {
  readonly workerData?: unknown;
  readonly permissions: WorkerPermissions | undefined;
}

const ENTRY = fileURLToPath(new URL('./entry.worker.ts', import.meta.url));

export function openProcess(url: URL, options: ProcessOptions, events: ChannelEvents): Channel {
  const { workerData, permissions } = options;
  const flags = process.versions.deno === undefined ? nodeArguments(permissions) : denoArguments(permissions);
  const child = spawn(process.execPath, [...flags, ENTRY], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
    env: environmentOf(permissions, process.env),
    // A terminal's Ctrl-C must not reach it: whoever started it lets it finish its work.
    detached: true,
  });
  let failure: Error | undefined;
  let exit: WorkerExit | undefined;
  let connected = true;
  let over = false;
  const look = () => {
    // What it sent last may be read after it is gone.
    if (over || exit === undefined || connected) return;
    over = true;
    events.exit(exit);
  };
  child.on('message', (bytes) => {
    const said: FromWorker | WorkerEnded = deserialize(bytes as Buffer);
    if (said.kind !== 'ended') events.message(said);
    else if (said.error !== undefined) failure = new Error(said.error);
  });
  child.on('disconnect', () => {
    connected = false;
    look();
  });
  child.on('exit', (code, signal) => {
    exit = exitOf(code, signal, failure);
    look();
  });
  child.on('error', (error) => {
    if (child.pid !== undefined) return; // A message that did not get there: its exit follows.
    exit = { code: 127, error };
    connected = false;
    look();
  });
  const post = (message: StartWorker | ToWorker) => {
    // Cloned here: Deno 2.9 ends the program when its send meets what cannot be cloned.
    const bytes = serialize(message);
    if (child.connected) child.send(bytes, () => undefined);
  };
  post({ kind: 'start', url: url.href, workerData });
  return { post, kill: () => void child.kill('SIGKILL') };
}

function exitOf(code: number | null, signal: NodeJS.Signals | null, failure: Error | undefined): WorkerExit {
  if (signal !== null) {
    return { code: 128 + constants.signals[signal], error: new Error(`ended by ${signal}`) };
  }
  const error = failure ?? (code === 0 ? undefined : new Error(`exit code ${code}`));
  return { code: code ?? 1, ...(error !== undefined && { error }) };
}
