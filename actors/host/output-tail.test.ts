/** The tail of a job's output keeps the newest bytes and knows where they begin. */
import { describe, expect, it } from 'vitest';
import type { GuestAgent } from './agent/mod.ts';
import { OutputTail } from './output-tail.ts';

/** An agent that has `written`, and nothing before byte `from` any more. */
function agentWith(written: Uint8Array, from = 0): GuestAgent {
  return {
    output: async (offset: number, maxBytes: number) => {
      const at = Math.max(offset, from);
      return { offset: at, data: written.subarray(at, at + maxBytes) };
    },
  } as GuestAgent;
}
const bytes = (length: number) => new Uint8Array(length).map((_, index) => index % 251);

describe('the tail of an output', () => {
  it('grows with what is new', async () => {
    const written = bytes(1_000);
    const tail = new OutputTail(10_000);
    await tail.follow(agentWith(written), 400);
    await tail.follow(agentWith(written), 400);
    await tail.follow(agentWith(written), 1_000);
    expect(tail.get()).toEqual({ outputBytes: 1_000, output: written });
  });

  it('is no longer than what is kept', async () => {
    const written = bytes(1_000);
    const tail = new OutputTail(300);
    await tail.follow(agentWith(written), 1_000);
    expect(tail.get()).toEqual({ outputBytes: 1_000, output: written.subarray(700) });
  });

  it('skips ahead of a command that writes more than is read, and holds no gap', async () => {
    const written = bytes(200_000);
    const tail = new OutputTail(256 * 1024);
    await tail.follow(agentWith(written), 10);
    await tail.follow(agentWith(written), 200_000);
    expect(tail.get().outputBytes).toBe(200_000);
    expect(tail.get().output).toEqual(written.subarray(200_000 - 64 * 1024));
  });

  it('goes on from where the guest still has some', async () => {
    const written = bytes(1_000);
    const tail = new OutputTail(10_000);
    await tail.follow(agentWith(written), 100);
    await tail.follow(agentWith(written, 500), 1_000);
    expect(tail.get()).toEqual({ outputBytes: 1_000, output: written.subarray(500) });
  });

  it('forgets what was written after the moment that the guest was put back to', async () => {
    const tail = new OutputTail(10_000);
    await tail.follow(agentWith(bytes(1_000)), 1_000);
    const again = bytes(600).reverse();
    await tail.follow(agentWith(again), 600);
    expect(tail.get()).toEqual({ outputBytes: 600, output: again });
  });
});
