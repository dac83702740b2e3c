/** The guest's workload program as a plan: the same options, the same phases for the same seed. */
import { parseArgs } from 'node:util';
import { seededRandom } from './random.ts';

export interface Phase {
  readonly cycle: number;
  readonly name: string;
  readonly threads: number;
  /** Share of one core that each thread wants, 0..1. */
  readonly duty: number;
  readonly memoryMiB: number;
  readonly seconds: number;
}

const MAX_THREADS = 64;

/** The phases in order, or what is wrong with the arguments. */
export function planWorkload(words: readonly string[]): readonly Phase[] | { readonly error: string } {
  let options: ReturnType<typeof parseOptions>;
  try {
    options = parseOptions(words);
  } catch {
    return { error: 'unknown option, or one without its value (a simulated guest knows --phases only)' };
  }
  const cycles = Number.parseInt(options.cycles, 10);
  const jitter = Number(options.jitter);
  if (options.phases === undefined) return { error: '--phases is wanted' };
  if (!(cycles >= 1)) return { error: '--cycles is at least 1' };
  if (!(jitter >= 0 && jitter <= 0.9)) return { error: '--jitter lies between 0 and 0.9' };
  const phases: Omit<Phase, 'cycle'>[] = [];
  for (const text of options.phases.split(';').filter((part) => part !== '')) {
    const phase = parsePhase(text);
    if ('error' in phase) return phase;
    phases.push(phase);
  }
  if (phases.length === 0) return { error: 'the plan has no phase' };
  return vary(phases, cycles, jitter, Number(options.seed));
}

function parseOptions(words: readonly string[]) {
  return parseArgs({
    args: [...words],
    options: {
      phases: { type: 'string' },
      cycles: { type: 'string', default: '1' },
      jitter: { type: 'string', default: '0' },
      seed: { type: 'string', default: '1' },
    },
  }).values;
}

function vary(
  phases: readonly Omit<Phase, 'cycle'>[],
  cycles: number,
  jitter: number,
  seed: number,
): Phase[] {
  const random = seededRandom(seed);
  const factor = () => 1 + jitter * (2 * random() - 1);
  return Array.from({ length: cycles }, (_, cycle) =>
    phases.map((phase) => {
      const seconds = phase.seconds * factor();
      return { ...phase, cycle, seconds, duty: Math.min(1, Math.max(0, phase.duty * factor())) };
    }),
  ).flat();
}

function parsePhase(text: string): Omit<Phase, 'cycle'> | { readonly error: string } {
  const colon = text.indexOf(':');
  if (colon < 0) return { error: 'a phase is written name:threads=2,duty=60,memory=96,seconds=5' };
  const settings = new Map<string, number>([
    ['threads', 1],
    ['duty', 100],
    ['memory', 0],
    ['seconds', 1],
  ]);
  for (const setting of text.slice(colon + 1).split(',')) {
    const [key = '', value = ''] = setting.split('=');
    if (!settings.has(key)) return { error: 'a phase knows threads, duty (%), memory (MiB) and seconds' };
    if (value === '' || !Number.isFinite(Number(value)))
      return { error: "a phase's settings are key=number" };
    settings.set(key, Number(value));
  }
  const setting = (key: string, most: number): number => Math.min(most, Math.max(0, settings.get(key) ?? 0));
  return {
    name: text.slice(0, colon),
    threads: Math.trunc(setting('threads', MAX_THREADS)),
    duty: setting('duty', 100) / 100,
    memoryMiB: Math.trunc(setting('memory', 1 << 20)),
    seconds: Math.max(0.01, setting('seconds', 86_400)),
  };
}
