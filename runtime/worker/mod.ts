/** Threads: typed calls and events between a program and its workers, on Node and Deno. */
export type { WorkerContract, WorkerHandlers } from './protocol.ts';
export { type CallContext, serveWorker, type WorkerScope } from './serve.ts';
export { spawnWorker, type WorkerExit, type WorkerPort, type WorkerSpawnOptions } from './spawn.ts';
