/** A way to a TCP server of this machine that can be cut and restored. */
import { createServer, connect as dial, type Server, type Socket } from 'node:net';

/** `black-hole`: nothing passes and nobody is told. `reset`: connections end, and new ones are refused. */
export type Cut = 'black-hole' | 'reset';

interface Pair {
  readonly near: Socket;
  far: Socket | undefined;
}

export class TcpProxy {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #cut: Cut | undefined;

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
    this.#server = createServer((near) => this.#accept(near));
  }

  /** `url` of the server: `nats://127.0.0.1:4222`. */
  static async open(url: string): Promise<TcpProxy> {
    const { hostname, port } = new URL(url);
    const proxy = new TcpProxy({ host: hostname, port: Number(port) });
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy is closed');
    return `nats://127.0.0.1:${address.port}`;
  }

  cut(how: Cut): void {
    this.#cut = how;
    for (const pair of [...this.#pairs]) {
      if (how === 'reset') end(pair);
      else for (const socket of [pair.near, pair.far]) socket?.pause();
    }
  }

  /** What a black hole swallowed arrives after all, as TCP has it. */
  heal(): void {
    this.#cut = undefined;
    for (const pair of [...this.#pairs]) {
      if (pair.far === undefined) this.#lead(pair);
      else for (const socket of [pair.near, pair.far]) socket.resume();
    }
  }

  async close(): Promise<void> {
    for (const pair of [...this.#pairs]) end(pair);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(near: Socket): void {
    if (this.#cut === 'reset') return void near.destroy();
    const pair: Pair = { near, far: undefined };
    this.#pairs.add(pair);
    near.setNoDelay(true);
    near.on('error', () => end(pair));
    near.on('close', () => {
      this.#pairs.delete(pair);
      end(pair);
    });
    near.pause();
    if (this.#cut === undefined) this.#lead(pair);
  }

  #lead(pair: Pair): void {
    const { near } = pair;
    const far = dial(this.#target);
    pair.far = far;
    far.setNoDelay(true);
    far.on('error', () => end(pair));
    far.on('close', () => end(pair));
    far.on('connect', () => {
      pass(near, far);
      pass(far, near);
      // Cut while the connection was being made.
      if (this.#cut !== undefined) for (const socket of [near, far]) socket.pause();
    });
  }
}

function pass(from: Socket, to: Socket): void {
  from.on('data', (chunk) => void to.write(chunk));
  from.on('end', () => to.end());
  from.resume();
}

function end({ near, far }: Pair): void {
  near.destroy();
  far?.destroy();
}
