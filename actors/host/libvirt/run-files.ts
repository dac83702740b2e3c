/** The files that a domain has on the host: its agent's socket and its console log. */
import { mkdir, open, rm } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { HypervisorError } from '../errors.ts';

/** sun_path holds 108 bytes; the rest is left to whoever prefixes it. */
const MAX_SOCKET_PATH_BYTES = 99;
const TAIL_BYTES = 16 * 1024;
const TAIL_LINES = 40;

export class RunFiles {
  readonly #runDir: string;

  private constructor(runDir: string) {
    this.#runDir = runDir;
  }

  /** Makes the folders below `runDir`, readable by their owner only. */
  static async prepare(runDir: string): Promise<RunFiles> {
    if (!isAbsolute(runDir)) {
      throw new HypervisorError(
        `runDir cannot be ${runDir}`,
        { field: 'runDir', hint: 'an absolute path' },
        'invalid-field',
      );
    }
    await mkdir(join(runDir, 'agent'), { recursive: true, mode: 0o700 });
    await mkdir(join(runDir, 'console'), { recursive: true, mode: 0o700 });
    return new RunFiles(runDir);
  }

  agentSocket(name: string): string {
    const path = join(this.#runDir, 'agent', `${name}.sock`);
    if (new TextEncoder().encode(path).length > MAX_SOCKET_PATH_BYTES) {
      const hint = `at most ${MAX_SOCKET_PATH_BYTES} bytes with the run directory before it`;
      throw new HypervisorError(
        `the agent's socket would be ${path}`,
        { field: 'name', hint },
        'invalid-field',
      );
    }
    return path;
  }

  consoleLog(name: string): string {
    return join(this.#runDir, 'console', `${name}.log`);
  }

  /** Last lines of the console; empty if there is no log. */
  async consoleTail(name: string): Promise<string> {
    let file: Awaited<ReturnType<typeof open>>;
    try {
      file = await open(this.consoleLog(name), 'r');
    } catch {
      return '';
    }
    try {
      const { size } = await file.stat();
      const start = Math.max(0, size - TAIL_BYTES);
      const { buffer, bytesRead } = await file.read(new Uint8Array(TAIL_BYTES), 0, TAIL_BYTES, start);
      const text = new TextDecoder().decode(buffer.subarray(0, bytesRead)).replaceAll('\r', '');
      return text.trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
    } finally {
      await file.close();
    }
  }

  async removeSocket(name: string): Promise<void> {
    await rm(this.agentSocket(name), { force: true });
  }

  async removeAll(name: string): Promise<void> {
    await this.removeSocket(name);
    await rm(this.consoleLog(name), { force: true });
  }
}
