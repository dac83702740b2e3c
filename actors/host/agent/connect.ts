/** Connects to an agent, however long its guest takes to boot. */
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { GuestUnreachable } from '../errors.ts';
import { AgentClient, type AgentClientOptions } from './client.ts';

export interface ConnectAgentOptions extends AgentClientOptions {
  /** Ends the attempts. */
  readonly signal?: AbortSignal;
  /** How long one connection waits for the agent's first answer before another is tried; default 2000 ms. */
  readonly helloTimeoutMs?: number;
}

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

/** Tries until the agent behind the unix socket at `path` answers, or `signal` aborts (then `GuestUnreachable`). */
export async function connectAgent(path: string, options: ConnectAgentOptions): Promise<AgentClient> {
  const { domain, signal, helloTimeoutMs = 2000 } = options;
  let last: unknown;
  for (let pauseMs = FIRST_PAUSE_MS; !signal?.aborted; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
    const client = new AgentClient(connect(path), options);
    const abandon = () => client.close();
    signal?.addEventListener('abort', abandon, { once: true });
    try {
      // A guest that still boots finds the question waiting for it.
      await client.hello(helloTimeoutMs);
      return client;
    } catch (error) {
      client.close();
      if (!(error instanceof GuestUnreachable)) throw error;
      last = error;
    } finally {
      signal?.removeEventListener('abort', abandon);
    }
    await delay(pauseMs, undefined, signal === undefined ? {} : { signal }).catch(() => {});
  }
  throw new GuestUnreachable(domain, 'its agent did not answer before the attempt was ended', last);
}
