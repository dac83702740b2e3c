/** One trial: the pattern job under one policy, recorded and judged. The demo and the benchmark are made of these. */
import { JobClient, type Progress } from '../../actors/gateway/mod.ts';
import type { JobView } from '../../actors/job/mod.ts';
import { type Assessment, assess } from '../../actors/shadow/mod.ts';
import { createMux, GridError, type Transport } from '../../runtime/mod.ts';
import { Recorder } from './recorder.ts';
import { patternJob, type TrialPolicy, type TrialScenario } from './scenario.ts';

export interface TrialOptions {
  readonly transport: Transport;
  readonly scenario: TrialScenario;
  readonly policy: TrialPolicy;
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

export interface TrialResult {
  readonly policy: TrialPolicy['kind'];
  readonly job: JobView;
  /** Once the pattern has been seen twice. */
  readonly learned: Assessment;
  /** From the first rise on. */
  readonly whole: Assessment;
  readonly meanUse: { readonly cores: number; readonly memoryMiB: number };
  /** Share of the CPU work that the job wanted and did not get, as it says itself; NaN if it does not. */
  readonly workLost: number;
  /** Time for which memory that it asked for was refused, ms, over the whole run; NaN if it does not say. */
  readonly memoryRefusedMs: number;
}

/** The job of a trial did not complete. */
export class TrialFailed extends GridError {
  constructor(job: JobView) {
    super('trial-failed', `job ${job.id} ${job.state}: ${job.error?.message ?? 'no reason given'}`, {
      hint: `see its output: shadowgrid job ${job.id} --output`,
    });
  }
}

/** Submits, follows and judges; cancelling by `signal` cancels the job too. */
export async function runTrial(options: TrialOptions): Promise<TrialResult> {
  const { transport, scenario, policy, onProgress, signal } = options;
  const request = patternJob(scenario, policy);
  const { cores = 0.5, memoryMiB = 128 } = request.resources ?? {};
  const recorder = new Recorder({
    transport,
    initial: { cores, memoryMiB, vcpus: Math.max(1, Math.ceil(cores)) },
  });
  const mux = createMux(transport);
  const jobs = new JobClient(mux);
  try {
    const { id } = await jobs.submit(request);
    recorder.follow(id);
    try {
      for await (const progress of jobs.watch(id, signal ? { signal } : {})) onProgress?.(progress);
    } catch (error) {
      if (signal?.aborted) await jobs.cancel(id);
      throw error;
    }
    const job = await jobs.status(id);
    if (job.state !== 'completed') throw new TrialFailed(job);
    const { text } = await jobs.output(id);
    return {
      policy: policy.kind,
      job,
      learned: assess(recorder.run(scenario.learnCycles)),
      whole: assess(recorder.run(0)),
      meanUse: recorder.meanUse(),
      workLost: Number(/ lost=([\d.]+)/.exec(text)?.[1] ?? Number.NaN),
      memoryRefusedMs: Number(/memory-refused-ms=(\d+)/.exec(text)?.[1] ?? Number.NaN),
    };
  } finally {
    recorder.close();
    await mux.close();
  }
}
