/** The one connection to a guest's agent: shared by all callers, reconnected when it breaks, with the latest statistics. */
import { type AgentClient, connectAgent, type GuestAgent, type GuestStats } from '../agent/mod.ts';
import { GuestUnreachable } from '../errors.ts';

/** How often the guest reports its memory and vCPUs. */
const STATS_INTERVAL_MS = 250;

export class GuestLink implements Disposable {
  readonly #domain: string;
  readonly #socket: string;
  readonly #end = new AbortController();
  #ready = Promise.withResolvers<GuestAgent>();
  #started = false;
  #stats: GuestStats | undefined;

  constructor(domain: string, socket: string) {
    this.#domain = domain;
    this.#socket = socket;
    this.#ready.promise.catch(() => {});
  }

  /** What the guest reported last; undefined while it cannot be reached. */
  get stats(): GuestStats | undefined {
    return this.#stats;
  }

  /**
   * Begins to connect. Not done at once for every domain that is found: the channel takes one client, and a process
   * that only lists domains must not take it from the one that runs them.
   */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    void this.#keepConnected();
  }

  /** The agent, once it answers. Rejects with GuestUnreachable when `signal` aborts or the domain ends. */
  async agent(signal?: AbortSignal): Promise<GuestAgent> {
    this.start();
    if (signal === undefined) return this.#ready.promise;
    const aborted = Promise.withResolvers<never>();
    const abort = () =>
      aborted.reject(new GuestUnreachable(this.#domain, 'its agent did not answer in time'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([this.#ready.promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  [Symbol.dispose](): void {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    this.#stats = undefined;
    this.#ready.reject(new GuestUnreachable(this.#domain, 'the domain ended or was let go'));
  }

  async #keepConnected(): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      try {
        const client = await connectAgent(this.#socket, { domain: this.#domain, signal });
        await this.#serve(client);
      } catch (error) {
        // The signal ended the attempts, or the agent speaks another protocol: no later attempt would do better.
        this.#ready.reject(error);
        return;
      }
    }
  }

  async #serve(client: AgentClient): Promise<void> {
    const close = () => client.close();
    this.#end.signal.addEventListener('abort', close, { once: true });
    client.onEvent((event) => {
      if (event.type === 'stats') this.#stats = event.stats;
    });
    // Fails only when the connection broke meanwhile: then `closed` resolves as well.
    await client.streamStats(STATS_INTERVAL_MS).catch(close);
    this.#ready.resolve(client);
    await client.closed;
    this.#end.signal.removeEventListener('abort', close);
    this.#stats = undefined;
    if (this.#end.signal.aborted) return;
    this.#ready = Promise.withResolvers();
    this.#ready.promise.catch(() => {});
  }
}
