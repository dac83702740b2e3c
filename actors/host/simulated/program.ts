/** Runs a command line in a simulated guest: `echo`, `sleep`, `exit`, `true`, `false` and `workload`. */
import type { Clock } from '../../../runtime/mod.ts';
import { NO_DEMAND, type SimulatedMachine } from './machine.ts';
import { parseCommandLine, type SimpleCommand } from './shell.ts';
import { type Phase, planWorkload } from './workload.ts';

export interface ProgramOptions {
  readonly clock: Clock;
  readonly machine: SimulatedMachine;
  /** Gets what the program prints. */
  readonly print: (text: string) => void;
  /** Gets a line for the host. */
  readonly note: (line: string) => void;
  /** Ends the program at once; what waits then rejects. */
  readonly signal: AbortSignal;
}

const NOT_FOUND = 127;
const BAD_USAGE = 2;

/** Resolves with the exit status; rejects when the signal aborts. */
export async function runProgram(line: string, options: ProgramOptions): Promise<number> {
  const commands = parseCommandLine(line);
  if (commands === undefined) return cannotRun(line, options);
  let status = 0;
  for (const command of commands) {
    if (command.onlyAfterSuccess && status !== 0) continue;
    if (command.words[0] === 'exit') return Number.parseInt(command.words[1] ?? String(status), 10) & 0xff;
    status = await runCommand(command, options);
  }
  return status;
}

async function runCommand({ words }: SimpleCommand, options: ProgramOptions): Promise<number> {
  const [name = '', ...rest] = words;
  switch (name) {
    case 'true':
      return 0;
    case 'false':
      return 1;
    case 'echo':
      options.print(`${rest.join(' ')}\n`);
      return 0;
    case 'sleep':
      await wait(Number(rest[0] ?? 0) * 1000, options);
      return 0;
    case 'workload':
      return runWorkload(rest, options);
    default:
      return cannotRun(words.join(' '), options);
  }
}

function cannotRun(what: string, { print }: ProgramOptions): number {
  print(`simulated guest: cannot run ${what}\n`);
  return NOT_FOUND;
}

async function runWorkload(words: readonly string[], options: ProgramOptions): Promise<number> {
  const plan = planWorkload(words);
  if ('error' in plan) {
    options.print(`workload: ${plan.error}\n`);
    return BAD_USAGE;
  }
  try {
    await runPhases(plan, options);
  } finally {
    options.machine.demand = NO_DEMAND;
  }
  return 0;
}

async function runPhases(plan: readonly Phase[], options: ProgramOptions): Promise<void> {
  const { clock, machine } = options;
  const report = (line: string): void => {
    options.print(`${line}\n`);
    options.note(line);
  };
  const began = clock.now();
  let until = began;
  for (const phase of plan) {
    machine.demand = phase;
    report(
      `phase ${phase.cycle} ${phase.name} threads=${phase.threads} duty=${(phase.duty * 100).toFixed(0)} ` +
        `memory=${phase.memoryMiB} seconds=${phase.seconds.toFixed(2)} at=${((until - began) / 1000).toFixed(3)}`,
    );
    until += phase.seconds * 1000;
    await wait(until - clock.now(), options);
  }
  machine.demand = NO_DEMAND;
  const { wantedSeconds, doneSeconds, refusedSeconds } = machine.work;
  const lost = wantedSeconds > 0 ? 1 - doneSeconds / wantedSeconds : 0;
  report(
    `summary phases=${plan.length} seconds=${((clock.now() - began) / 1000).toFixed(1)} ` +
      `cpu-wanted-ms=${(wantedSeconds * 1000).toFixed(0)} cpu-done-ms=${(doneSeconds * 1000).toFixed(0)} ` +
      `lost=${lost.toFixed(4)} memory-refused-ms=${(refusedSeconds * 1000).toFixed(0)}`,
  );
}

function wait(ms: number, { clock, signal }: ProgramOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  const timer = clock.setTimeout(resolve, Math.max(0, ms));
  return promise.finally(() => {
    clock.clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  });
}
