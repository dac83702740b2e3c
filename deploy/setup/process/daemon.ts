/** Processes that outlive us: started apart from us, found again by their pid file. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { runCommand } from './run.ts';

/**
 * Starts a process in a session of its own, its output appended to `logFile`: neither our death nor the terminal's
 * Ctrl-C reaches it. It writes its own pid file.
 */
export async function startDetached(
  command: string,
  args: readonly string[],
  options: { readonly logFile: string; readonly cwd?: string },
): Promise<void> {
  const script = 'log=$1; shift; exec setsid --fork "$@" >>"$log" 2>&1 </dev/null';
  await runCommand('sh', ['-c', script, 'sh', options.logFile, command, ...args], {
    cwd: options.cwd ?? '/',
    // Pipes of ours would be held open by the daemon; the shell has replaced them by then, this is for its own errors.
    timeoutMs: 10_000,
  });
}

/** The pid in `pidFile`, if a process of that pid runs now and is called `name` (15 characters count, as in ps). */
export async function findDaemon(pidFile: string, name: string): Promise<number | undefined> {
  const pid = Number.parseInt(await readFile(pidFile, 'utf8').catch(() => ''), 10);
  return Number.isInteger(pid) && pid > 1 && (await isRunning(pid, name)) ? pid : undefined;
}

/** True while process `pid` is there, is called `name` and is not a zombie. */
export async function isRunning(pid: number, name: string): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const match = /^\d+ \((.*)\) (\S)/s.exec(stat);
  return match !== null && match[1] === name.slice(0, 15) && match[2] !== 'Z' && match[2] !== 'X';
}

/** Asks the process to end, and makes it when it does not; false if it was gone already. */
export async function endProcess(pid: number, name: string, graceMs: number): Promise<boolean> {
  if (!(await isRunning(pid, name))) return false;
  process.kill(pid, 'SIGTERM');
  const ended = await pollUntil(async () => ((await isRunning(pid, name)) ? undefined : true), graceMs);
  if (ended === undefined && (await isRunning(pid, name))) process.kill(pid, 'SIGKILL');
  return true;
}

/** Calls `look` until it returns something or `deadlineMs` have passed; then undefined. */
export async function pollUntil<T>(
  look: () => Promise<T | undefined>,
  deadlineMs: number,
  pauseMs = 25,
): Promise<T | undefined> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found !== undefined || performance.now() >= end) return found;
    await delay(pauseMs);
  }
}
