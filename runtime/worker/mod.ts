/** Workers: typed calls and events between a program and its threads or processes, sandboxed or not, on Node and Deno. */
export { SandboxDenied } from './errors.ts';
export type { WorkerPermissions } from './permissions.ts';
export type { WorkerCallOptions, WorkerExit, WorkerPort, WorkerProcessPort } from './port.ts';
export type { WorkerContract, WorkerHandlers } from './protocol.ts';
export { type CallContext, serveWorker, type WorkerScope } from './serve.ts';
export { spawnWorker, type WorkerSpawnOptions } from './spawn.ts';
