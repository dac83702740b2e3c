/** Subjects on which a grid tells what happens: streams of records, beside the job API and the actors' own. */

/** A line that a job wrote to its note channel: {jobId, t, text}. */
export const noteSubject = (jobId: string) => `shadowgrid.note.${jobId}`;
/** Settlements of directives: see Settlement. */
export const directiveSubject = (host: string) => `shadowgrid.directive.${host}`;
/** Output of a job that runs on the host. */
export const hostOutputSubject = (host: string) => `shadowgrid.host.${host}.output`;
/** Counters of the host and its VMs as its hypervisor tells them, once a second: see SlowSample. */
export const countersSubject = (host: string) => `shadowgrid.counters.${host}`;
/** Checkpoints of a job's VM on the host. */
export const hostCheckpointsSubject = (host: string) => `shadowgrid.host.${host}.checkpoints`;
/** Progress and reports of operations on the host's VMs: see OperationEvent. */
export const operationSubject = (host: string) => `shadowgrid.operation.${host}`;
