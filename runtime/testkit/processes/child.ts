/** One process of a node: started, asked, signalled, awaited. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { NodeArguments } from './program.ts';
import { type FromNode, fromLine, type ToNode } from './protocol.ts';

export interface NodeChildOptions {
  /** Program and arguments that run TypeScript. */
  readonly command: readonly string[];
  /** URL of the module. */
  readonly module: string;
  readonly given: NodeArguments;
  /** What the program writes. */
  readonly onOutput: (line: string) => void;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

type Asked = ToNode extends infer One ? (One extends ToNode ? Omit<One, 'id'> : never) : never;

const ENTRY = fileURLToPath(new URL('./node.worker.ts', import.meta.url));

export class NodeChild {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<void>;
  #serial = 0;
  #said = '';

  constructor({ command, module, given, onOutput }: NodeChildOptions) {
    const [program = '', ...flags] = command;
    this.#name = given.node;
    const child = spawn(program, [...flags, ENTRY, module, JSON.stringify(given)], {
      stdio: ['pipe', 'pipe', 'pipe'],
      // A terminal's Ctrl-C must not reach it: whoever started it ends it.
      detached: true,
    });
    this.#child = child;
    const told = (line: string) => {
      this.#said = `${this.#said}${line}\n`.slice(-4_000);
      onOutput(line);
    };
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const said = fromLine(line);
      if (said === undefined) told(line);
      else this.#hear(said);
    });
    createInterface({ input: child.stderr! }).on('line', told);
    // It ended before it read what it was told: `close` follows.
    child.stdin!.on('error', () => undefined);
    this.#ended = new Promise((resolve) => {
      const over = () => {
        this.#fail();
        resolve();
      };
      child.on('close', over);
      child.on('error', (error) => {
        this.#said += error.message;
        if (child.pid === undefined) over();
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves when the node has joined. */
  ready(): Promise<unknown> {
    return this.#await(0);
  }

  ask(asked: Asked): Promise<unknown> {
    this.#serial += 1;
    const id = this.#serial;
    const answer = this.#await(id);
    this.#child.stdin!.write(`${JSON.stringify({ ...asked, id })}\n`);
    return answer;
  }

  /** Nothing happens when the process is gone. */
  signal(signal: NodeJS.Signals): void {
    // Not `child.kill`, which on Deno 2.9 waits for a process that is stopped.
    if (!this.#isGone) process.kill(this.pid, signal);
  }

  /** Resolves when the process is gone. */
  ended(): Promise<void> {
    return this.#ended;
  }

  get #isGone(): boolean {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #await(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      if (this.#isGone) this.#fail();
    });
  }

  #hear(said: FromNode): void {
    const waiting = this.#waiting.get(said.id);
    this.#waiting.delete(said.id);
    if ('error' in said) waiting?.reject(new Error(`${this.#name}: ${said.error}`));
    else waiting?.resolve(said.value);
  }

  #fail(): void {
    const { exitCode, signalCode } = this.#child;
    const error = new Error(`node ${this.#name} ended (${signalCode ?? exitCode}): ${this.#said}`);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
