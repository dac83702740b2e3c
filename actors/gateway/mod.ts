/** The gateway: the job API, on NATS and for the admin. */
export { gatewayActor, gatewayBehaviour } from './actor.ts';
export type { Inventory } from './admission.ts';
export { type CallOptions, JobClient } from './client.ts';
export { JobDirectory } from './directory.ts';
export { type Accepted, JobApi, type JobApiOptions, type JobOutput } from './job-api.ts';
export { type OperationEvent, operateQuery, VmApi } from './vm-api.ts';
export { VmClient } from './vm-client.ts';
export type { Progress } from './watch-stream.ts';
