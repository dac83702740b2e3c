/** What this machine can and cannot do, and how to get it. */

export type { Verdict } from './finding.ts';
export { probeKvm } from './kvm.ts';
export { runDoctor } from './run.ts';
