/** The job that trials run: demand that rises and falls in a pattern with variation, real work in the guest. */
import type { JobRequestInput } from '../../actors/job/mod.ts';

export interface TrialScenario {
  /** Phases of one cycle. */
  readonly phases: readonly TrialPhase[];
  readonly cycles: number;
  /** Durations and duty vary by this share, uniformly. */
  readonly jitter: number;
  readonly seed: number;
  /** Cycles after which the pattern counts as seen. */
  readonly learnCycles: number;
}

export interface TrialPhase {
  readonly name: string;
  readonly threads: number;
  /** Share of wall time each thread works, percent. */
  readonly duty: number;
  readonly memoryMiB: number;
  readonly seconds: number;
}

export type TrialPolicy =
  | { readonly kind: 'forecast'; readonly confidence?: number }
  | { readonly kind: 'reactive' }
  /** What it has is what it keeps. */
  | { readonly kind: 'fixed'; readonly cores: number; readonly memoryMiB: number };

/** The most that a trial's job may be given: less than two cores, which is all there is on a small machine. */
const LIMIT = { maxCores: 2, maxMemoryMiB: 320 } as const;
const START = { cores: 0.5, memoryMiB: 128 } as const;

export const DEMO_SCENARIO: TrialScenario = {
  phases: [
    { name: 'low', threads: 1, duty: 20, memoryMiB: 16, seconds: 7 },
    { name: 'high', threads: 2, duty: 50, memoryMiB: 104, seconds: 5 },
  ],
  cycles: 8,
  jitter: 0.1,
  seed: 11,
  learnCycles: 2,
};

export function patternJob(scenario: TrialScenario, policy: TrialPolicy): JobRequestInput {
  const { phases, cycles, jitter, seed } = scenario;
  const pattern = phases
    .map((p) => `${p.name}:threads=${p.threads},duty=${p.duty},memory=${p.memoryMiB},seconds=${p.seconds}`)
    .join(';');
  const seconds = cycles * phases.reduce((sum, phase) => sum + phase.seconds, 0);
  const resources =
    policy.kind === 'fixed'
      ? {
          cores: policy.cores,
          memoryMiB: policy.memoryMiB,
          maxCores: policy.cores,
          maxMemoryMiB: policy.memoryMiB,
        }
      : { ...START, ...LIMIT };
  return {
    application: 'pattern',
    user: 'demo',
    command: `workload --phases '${pattern}' --cycles ${cycles} --jitter ${jitter} --seed ${seed}`,
    resources,
    criticality: 'high',
    estimatedSeconds: seconds,
    deadlineSeconds: seconds * 3,
    shadow: {
      policy: policy.kind,
      ...(policy.kind === 'forecast' && policy.confidence !== undefined && { confidence: policy.confidence }),
    },
  };
}
