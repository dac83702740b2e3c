/** The command line as users run it: a process of its own, to its end. */
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../deploy/setup/process/mod.ts';

const MAIN = fileURLToPath(new URL('../../deploy/cli/main.ts', import.meta.url));

/** Runs `shadowgrid ...args`. A command that takes longer than `timeoutMs` (default 60 s) is killed: status -1. */
export function shadowgrid(
  args: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly timeoutMs?: number;
    /** A command that runs it as somebody else. */
    readonly as?: readonly string[];
  } = {},
) {
  const [command = '', ...rest] = [...(options.as ?? []), process.execPath, MAIN, ...args];
  return runCommand(command, rest, {
    check: false,
    timeoutMs: options.timeoutMs ?? 60_000,
    env: { UV_THREADPOOL_SIZE: '16', NO_COLOR: '1', ...options.env },
  });
}
