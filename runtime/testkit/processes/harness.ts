/** The nodes of a cluster as real processes, each with its own way to NATS: what a test does to them. */
import { NodeChild } from './child.ts';
import type { NodeStatus } from './protocol.ts';
import { type Cut, TcpProxy } from './proxy.ts';

export interface HarnessOptions {
  /** URL of the module that is run as a node: see `NodeProgram`. */
  readonly module: URL | string;
  /** `nats://127.0.0.1:4222`, one or more of a cluster. */
  readonly servers: readonly string[];
  /** For every node: plain JSON. */
  readonly settings?: unknown;
  /** Program and arguments that run TypeScript. Default: the runtime that this process runs on. */
  readonly command?: readonly string[];
  /** Told of what nodes write. Default: nobody. */
  readonly onOutput?: (node: string, line: string) => void;
}

interface Node {
  readonly child: NodeChild;
  readonly proxies: readonly TcpProxy[];
  frozen: boolean;
  cutOff: boolean;
}

/** Default of how long is waited, and how often is looked, ms. */
const WITHIN = 60_000;
const EVERY = 25;

/**
 *     await using nodes = new NodeHarness({ module: new URL('./my-node.ts', import.meta.url), servers: [url] });
 *     await Promise.all(['a', 'b', 'c'].map((name) => nodes.start(name)));
 *     const owner = await nodes.waitForOwner('counter/visits');
 *     await nodes.kill(owner);
 *     await nodes.waitForStable();
 */
export class NodeHarness implements AsyncDisposable {
  readonly #options: HarnessOptions;
  readonly #nodes = new Map<string, Node>();
  readonly #killAll = () => {
    for (const { child } of this.#nodes.values()) child.signal('SIGKILL');
  };

  constructor(options: HarnessOptions) {
    this.#options = options;
    process.on('exit', this.#killAll);
  }

  /** Names of nodes whose processes are there, frozen and cut off ones too. */
  get running(): string[] {
    return [...this.#nodes.keys()];
  }

  pid(node: string): number {
    return this.#node(node).child.pid;
  }

  /** Resolves when it has joined; that of a name whose last process was killed waits for its lease to end. */
  async start(node: string, settings: unknown = this.#options.settings): Promise<void> {
    const { module, servers, command = thisRuntime(), onOutput } = this.#options;
    if (this.#nodes.has(node)) throw new Error(`node ${node} runs already`);
    const proxies = await Promise.all(servers.map((url) => TcpProxy.open(url)));
    const given = { node, servers: proxies.map(({ url }) => url), settings };
    const child = new NodeChild({
      command,
      module: String(module),
      given,
      onOutput: (line) => onOutput?.(node, line),
    });
    const started: Node = { child, proxies, frozen: false, cutOff: false };
    this.#nodes.set(node, started);
    // However it ends.
    void child.ended().then(async () => {
      if (this.#nodes.get(node) === started) this.#nodes.delete(node);
      await Promise.all(proxies.map((proxy) => proxy.close()));
    });
    await child.ready();
  }

  /** In order: it gives its actors to others, and its process ends. */
  async stop(node: string): Promise<void> {
    const { child } = this.#node(node);
    await child.ask({ op: 'stop' });
    await this.#gone(node, child);
  }

  /** SIGKILL. Resolves when the process is gone. */
  async kill(node: string): Promise<void> {
    const { child } = this.#node(node);
    child.signal('SIGKILL');
    await this.#gone(node, child);
  }

  /** SIGSTOP: it stands still, and its connections stay. */
  freeze(node: string): void {
    const found = this.#node(node);
    found.frozen = true;
    found.child.signal('SIGSTOP');
  }

  /** SIGCONT. */
  thaw(node: string): void {
    const found = this.#node(node);
    found.frozen = false;
    found.child.signal('SIGCONT');
  }

  /** Cuts its way to NATS. */
  partition(node: string, how: Cut = 'black-hole'): void {
    const found = this.#node(node);
    found.cutOff = true;
    for (const proxy of found.proxies) proxy.cut(how);
  }

  heal(node: string): void {
    const found = this.#node(node);
    found.cutOff = false;
    for (const proxy of found.proxies) proxy.heal();
  }

  /** Asks the program of a node, by a name that its `calls` has. */
  call(node: string, name: string, input: unknown = null): Promise<unknown> {
    return this.#node(node).child.ask({ op: 'call', name, input });
  }

  /** Members, and whether all is settled, as the node knows. */
  async status(node: string): Promise<NodeStatus> {
    return (await this.#node(node).child.ask({ op: 'status' })) as NodeStatus;
  }

  /** The node that says that it owns the actor, KIND/KEY. Throws when none does within `withinMs`. */
  waitForOwner(address: string, { withinMs = WITHIN } = {}): Promise<string> {
    return poll(`an owner of ${address}`, withinMs, async () => {
      for (const [name, { child }] of this.#reachable())
        if (await child.ask({ op: 'owns', address })) return name;
      return undefined;
    });
  }

  /**
   * Until every node that is neither frozen nor cut off says that all slots have owners, and that the members are these
   * nodes and no other. Throws when that is not so within `withinMs`.
   */
  async waitForStable({ withinMs = WITHIN } = {}): Promise<void> {
    let last: unknown;
    const look = async () => {
      const nodes = this.#reachable();
      const states = await Promise.all(nodes.map(([, { child }]) => child.ask({ op: 'status' })));
      last = states;
      const names = nodes.map(([name]) => name).sort();
      const stable = (states as NodeStatus[]).every(({ settled, members }) => {
        const live = members.filter(({ state }) => state === 'live').map(({ node }) => node);
        return settled && members.length === live.length && String(live.sort()) === String(names);
      });
      return stable || undefined;
    };
    await poll('stable nodes', withinMs, look, () => JSON.stringify(last));
  }

  /** Ends every process, without a word. */
  async close(): Promise<void> {
    const ended = [...this.#nodes.values()].map(({ child }) => child.ended());
    this.#killAll();
    await Promise.all(ended);
    process.off('exit', this.#killAll);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #reachable(): [string, Node][] {
    return [...this.#nodes].filter(([, { frozen, cutOff }]) => !frozen && !cutOff);
  }

  #node(name: string): Node {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name} runs`);
    return node;
  }

  async #gone(name: string, child: NodeChild): Promise<void> {
    await child.ended();
    if (this.#nodes.get(name)?.child === child) this.#nodes.delete(name);
  }
}

function thisRuntime(): string[] {
  return process.versions.deno === undefined ? [process.execPath] : [process.execPath, 'run', '-A'];
}

async function poll<T>(
  what: string,
  withinMs: number,
  look: () => Promise<T | undefined>,
  lastSeen?: () => string,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    // A node may end while it is asked.
    const found = await Promise.race([
      look().catch(() => undefined),
      new Promise<undefined>((resolve) => setTimeout(resolve, 2_000, undefined)),
    ]);
    if (found !== undefined) return found;
    if (performance.now() > deadline) {
      throw new Error(`not within ${withinMs} ms: ${what}${lastSeen === undefined ? '' : `: ${lastSeen()}`}`);
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY));
  }
}
