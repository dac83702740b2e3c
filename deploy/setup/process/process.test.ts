/** Commands that end, time out or are cancelled, and daemons that are found again. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CommandFailed, endProcess, findDaemon, isRunning, pollUntil, runCommand } from './mod.ts';

describe('runCommand', () => {
  it('returns what the command said, and its lines as they come', async () => {
    const lines: string[] = [];
    const result = await runCommand('sh', ['-c', 'printf "a\\nb\\n"; echo c >&2'], {
      onLine: (line) => lines.push(line),
    });
    expect(result).toEqual({ status: 0, stdout: 'a\nb\n', stderr: 'c\n' });
    expect(lines.sort()).toEqual(['a', 'b', 'c']);
  });

  it('rejects when the command fails, is missing or takes too long', async () => {
    await expect(runCommand('sh', ['-c', 'echo why >&2; exit 3'])).rejects.toThrow(/status 3.*why/);
    await expect(runCommand('/nowhere/x', [])).rejects.toBeInstanceOf(CommandFailed);
    await expect(runCommand('sleep', ['60'], { timeoutMs: 30 })).rejects.toMatchObject({
      code: 'command-failed',
    });
    expect((await runCommand('false', [], { check: false })).status).toBe(1);
  });
});

describe('daemons', () => {
  it('are known by pid and name, and ended', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'shadowgrid-process-test-'));
    const pidFile = join(folder, 'pid');
    const child = spawn('sleep', ['60']);
    const pid = child.pid ?? 0;
    await writeFile(pidFile, `${pid}\n`);
    expect(await pollUntil(() => findDaemon(pidFile, 'sleep'), 5000)).toBe(pid);
    expect(await findDaemon(pidFile, 'nats-server')).toBeUndefined();
    expect(await endProcess(pid, 'nats-server', 1000)).toBe(false);
    expect(await endProcess(pid, 'sleep', 5000)).toBe(true);
    expect(await isRunning(pid, 'sleep')).toBe(false);
    expect(await findDaemon(join(folder, 'none'), 'sleep')).toBeUndefined();
    await rm(folder, { recursive: true });
  });
});
