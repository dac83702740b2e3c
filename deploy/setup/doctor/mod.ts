/** What this machine can and cannot do, and how to get it. */
export { runDoctor } from './run.ts';
