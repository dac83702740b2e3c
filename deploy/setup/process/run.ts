/** Runs one command to its end and collects what it said. */
import { spawn } from 'node:child_process';
import { GridError } from '../../../runtime/mod.ts';

export interface RunOptions {
  readonly cwd?: string;
  /** Added to our own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** The command is killed after this; default: never. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Called with each line of stdout and stderr as it comes. */
  readonly onLine?: (line: string) => void;
  /** Throw {@link CommandFailed} unless the exit status is 0; default true. */
  readonly check?: boolean;
}

export interface CommandResult {
  /** Exit status; 128 + signal number is not used: a killed command has status -1. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command could not be started, was killed, or ended with a status other than 0. */
export class CommandFailed extends GridError {
  readonly result: CommandResult;
  constructor(command: string, result: CommandResult, cause?: unknown) {
    const said = (result.stderr || result.stdout).trim().split('\n').slice(-3).join(' | ');
    super('command-failed', `${command} failed (status ${result.status})${said ? `: ${said}` : ''}`, {
      cause,
    });
    this.result = result;
  }
}

export async function runCommand(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<CommandResult> {
  const { cwd, env, timeoutMs, signal, onLine, check = true } = options;
  const child = spawn(command, [...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(timeoutMs !== undefined && { timeout: timeoutMs, killSignal: 'SIGKILL' as const }),
    ...(signal !== undefined && { signal, killSignal: 'SIGKILL' as const }),
  });
  const stdout = collect(child.stdout, onLine);
  const stderr = collect(child.stderr, onLine);
  const ended = await new Promise<{ status: number; cause?: unknown }>((resolve) => {
    child.on('error', (cause) => resolve({ status: -1, cause }));
    child.on('close', (status) => resolve({ status: status ?? -1 }));
  });
  const result = { status: ended.status, stdout: stdout(), stderr: stderr() };
  if (check && result.status !== 0) {
    throw new CommandFailed([command, ...args.slice(0, 3)].join(' '), result, ended.cause);
  }
  return result;
}

function collect(stream: NodeJS.ReadableStream, onLine?: (line: string) => void): () => string {
  let text = '';
  let begun = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    text += chunk;
    if (onLine === undefined) return;
    const lines = (begun + chunk).split('\n');
    begun = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') onLine(line);
  });
  return () => text;
}
