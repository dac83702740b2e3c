/** Records the demand of real guests under varied work: what forecasters are trained and judged on. */
import { forecastSubject } from '../../actors/allocator/mod.ts';
import { JobClient } from '../../actors/gateway/mod.ts';
import type { Recording } from '../../models/mod.ts';
import { createMux, decodeFrame, type Transport } from '../../runtime/mod.ts';

interface RecordedWork {
  readonly name: string;
  readonly split: Recording['split'];
  /** Arguments of the guest's workload program, for so many seconds. */
  readonly command: (seconds: number) => string;
}

/** Nothing holds the guest back while it is recorded. */
const LIMIT = { cores: 2, memoryMiB: 320 } as const;

const cycles = (seconds: number, period: number) => Math.max(2, Math.round(seconds / period));
const pattern = (phases: string, period: number, jitter: number, seed: number) => (seconds: number) =>
  `workload --phases '${phases}' --cycles ${cycles(seconds, period)} --jitter ${jitter} --seed ${seed}`;
const shape = (options: string) => (seconds: number) => `workload --seconds ${seconds} ${options}`;

const WORK: readonly RecordedWork[] = [
  {
    name: 'two-phases-10s',
    split: 'train',
    command: pattern(
      'a:threads=1,duty=20,memory=16,seconds=6;b:threads=2,duty=45,memory=90,seconds=4',
      10,
      0.1,
      1,
    ),
  },
  {
    name: 'two-phases-14s',
    split: 'train',
    command: pattern(
      'a:threads=1,duty=30,memory=20,seconds=8;b:threads=2,duty=50,memory=120,seconds=6',
      14,
      0.1,
      2,
    ),
  },
  {
    name: 'three-phases-15s',
    split: 'train',
    command: pattern(
      'a:threads=1,duty=15,memory=16,seconds=6;b:threads=1,duty=70,memory=60,seconds=4;c:threads=2,duty=50,memory=100,seconds=5',
      15,
      0.12,
      3,
    ),
  },
  {
    name: 'sine-12s',
    split: 'train',
    command: shape('--shape sine --period 12 --cores 0.2:1.0 --memory 24:110 --noise 0.05 --seed 4'),
  },
  {
    name: 'ramp-16s',
    split: 'train',
    command: shape('--shape ramp --period 16 --cores 0.1:1.0 --memory 16:100 --noise 0.05 --seed 5'),
  },
  {
    name: 'burst',
    split: 'train',
    command: shape('--shape burst --period 9 --cores 0.1:1.1 --memory 16:90 --noise 0.05 --seed 6'),
  },
  {
    name: 'random',
    split: 'train',
    command: shape('--shape random --step 3 --cores 0.1:1.0 --memory 16:100 --noise 0.05 --seed 7'),
  },
  {
    name: 'two-phases-12s',
    split: 'held-out',
    command: pattern(
      'a:threads=1,duty=25,memory=16,seconds=7;b:threads=2,duty=48,memory=100,seconds=5',
      12,
      0.1,
      8,
    ),
  },
  {
    name: 'square-11s',
    split: 'held-out',
    command: shape('--shape square --period 11 --cores 0.2:0.9 --memory 24:96 --noise 0.05 --seed 9'),
  },
];

export interface RecordOptions {
  readonly transport: Transport;
  /** Per workload. */
  readonly seconds: number;
  readonly onProgress: (line: string) => void;
}

/** Runs each workload in a guest of its own, one after the other. */
export async function recordDemand({ transport, seconds, onProgress }: RecordOptions): Promise<Recording[]> {
  const mux = createMux(transport);
  const jobs = new JobClient(mux);
  const recordings: Recording[] = [];
  try {
    for (const [index, work] of WORK.entries()) {
      onProgress(`${index + 1} of ${WORK.length}: ${work.name}, ${seconds} s`);
      const steps: { readonly cores: number; readonly memory: number; readonly held: boolean }[] = [];
      let jobId = '';
      const subscription = transport.subscribe(forecastSubject('*'), ({ data }) => {
        const frame = decodeFrame(data);
        const row = frame.ids.indexOf(jobId);
        if (row < 0) return;
        const value = (column: string) =>
          frame.values[row * frame.columns.length + frame.columns.indexOf(column)] ?? Number.NaN;
        steps.push({
          cores: value('useCores'),
          memory: value('useMemoryMiB'),
          held: value('throttled') > 0.02,
        });
      });
      const { id } = await jobs.submit({
        application: work.name,
        user: 'recorder',
        command: work.command(seconds),
        resources: { cores: LIMIT.cores, memoryMiB: LIMIT.memoryMiB },
        shadow: { policy: 'fixed' },
      });
      jobId = id;
      for await (const progress of jobs.watch(id)) {
        if (progress.type === 'state' && progress.job.state === 'failed')
          onProgress(`${work.name}: ${progress.job.error?.message}`);
      }
      subscription.unsubscribe();
      const { name, split } = work;
      const common = { split, stepMs: 250, censored: Uint8Array.from(steps, ({ held }) => (held ? 1 : 0)) };
      recordings.push(
        {
          ...common,
          name: `${name}-cpu`,
          resource: 'cpu',
          scale: LIMIT.cores,
          values: Float32Array.from(steps, (s) => s.cores),
        },
        {
          ...common,
          name: `${name}-memory`,
          resource: 'memory',
          scale: LIMIT.memoryMiB,
          values: Float32Array.from(steps, (s) => s.memory),
          censored: new Uint8Array(steps.length),
        },
      );
    }
    return recordings;
  } finally {
    await mux.close();
  }
}
