/** For tests of what runs on this runtime: its nodes as real processes, stopped, killed, frozen and cut off at will. */
export { type HarnessOptions, NodeHarness } from './harness.ts';
export type { NodeArguments, NodeProgram, RunningNode } from './program.ts';
export type { Cut } from './proxy.ts';
