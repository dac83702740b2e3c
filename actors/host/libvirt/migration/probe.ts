/** Whether a guest that has arrived lives: asks its agent, over the socket that the target's QEMU opened for it. */
import { connectAgent } from '../../agent/mod.ts';
import { GuestUnreachable } from '../../errors.ts';
import type { Connection } from '../binding/mod.ts';
import { withDomain } from './sides.ts';

/** Rejects with GuestUnreachable when `signal` aborts. */
export async function askAgent(socket: string, domain: string, signal: AbortSignal): Promise<void> {
  const agent = await connectAgent(socket, { domain, signal });
  try {
    await agent.stats();
  } finally {
    agent.close();
  }
}

/** Asks for at most `ms`; a guest that has not answered after half of them is stopped and started again. */
export async function probeOrWake(
  connection: Connection,
  name: string,
  ask: (signal: AbortSignal) => Promise<unknown>,
  ms: number,
): Promise<void> {
  try {
    return await within(name, ask, ms / 2);
  } catch {
    await withDomain(connection, name, async (domain) => {
      await domain.suspend();
      await domain.resume();
    });
  }
  await within(name, ask, ms / 2);
}

/** A question that does not end with its signal is left behind. */
async function within(
  name: string,
  ask: (signal: AbortSignal) => Promise<unknown>,
  ms: number,
): Promise<void> {
  const signal = AbortSignal.timeout(Math.ceil(ms));
  const late = Promise.withResolvers<never>();
  const expire = () => late.reject(new GuestUnreachable(name, `no answer within ${ms / 1000} s`));
  signal.addEventListener('abort', expire, { once: true });
  try {
    await Promise.race([ask(signal), late.promise]);
  } finally {
    signal.removeEventListener('abort', expire);
  }
}
