/** The guest agent's client: requests and answers, deadlines, a connection that breaks. */
import { Buffer } from 'node:buffer';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AgentClient, connectAgent, type GuestEvent } from './mod.ts';

/** A stream whose other end is a function from request line to answer bytes. */
function agentStream(reply: (line: string, say: (text: string) => void) => void): Duplex {
  let begun = '';
  const stream: Duplex = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      const lines = (begun + String(chunk)).split('\n');
      begun = lines.pop() ?? '';
      for (const line of lines) if (line !== '') reply(line, (text) => stream.push(Buffer.from(text)));
      done();
    },
  });
  return stream;
}

const numberOf = (line: string) => line.split(' ')[0];

describe('AgentClient', () => {
  it('matches answers to requests in any order, with noise between', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.stringMatching(/^[a-z %!]{0,30}$/)), async (noise) => {
        const waiting: string[] = [];
        const stream = agentStream((line, say) => {
          waiting.push(line);
          if (waiting.length < 3) return;
          const answers = waiting.reverse().map((asked) => `${numberOf(asked)} ok ${asked.split(' ')[2]}\n`);
          say([...answers, ...noise.map((text) => `${text}\n`), ''].join(`${noise[0] ?? ''}\n`));
        });
        const client = new AgentClient(stream, { domain: 'g' });
        const asked = [1, 2, 3].map((count) => client.setOnlineVcpus(count));
        expect(await Promise.all(asked)).toEqual([1, 2, 3]);
        client.close();
      }),
      { numRuns: 30 },
    );
  });

  it('gives up on an agent that does not answer', async () => {
    const client = new AgentClient(
      agentStream(() => {}),
      { domain: 'g', timeoutMs: 20 },
    );
    await expect(client.job()).rejects.toMatchObject({ code: 'guest-unreachable', retryable: true });
    client.close();
  });

  it('says what the agent refused', async () => {
    const stream = agentStream((line, say) => say(`${numberOf(line)} error job-running ${btoa('busy')}\n`));
    const client = new AgentClient(stream, { domain: 'g' });
    await expect(client.run('a', 'true')).rejects.toMatchObject({
      code: 'guest-job-running',
      message: 'guest g: busy',
    });
    client.close();
  });

  it('rejects an answer that it cannot read', async () => {
    const client = new AgentClient(
      agentStream((line, say) => say(`${numberOf(line)} ok what\n`)),
      { domain: 'g' },
    );
    await expect(client.stats()).rejects.toMatchObject({ code: 'guest-unreachable' });
    client.close();
  });

  it('fails what waits and what comes after when the channel breaks', async () => {
    const stream = agentStream(() => stream.destroy(new Error('gone')));
    const client = new AgentClient(stream, { domain: 'g' });
    await expect(client.job()).rejects.toMatchObject({ code: 'guest-unreachable' });
    await client.closed;
    await expect(client.job()).rejects.toMatchObject({ code: 'guest-unreachable' });
  });

  it('hands events to listeners until they leave', async () => {
    const stream = agentStream((line, say) => say(`event hotplug cpu 2\n${numberOf(line)} ok\n`));
    const client = new AgentClient(stream, { domain: 'g' });
    const seen: GuestEvent[] = [];
    const leave = client.onEvent((event) => seen.push(event));
    await client.kill(1);
    leave();
    await client.kill(1);
    expect(seen).toEqual([{ type: 'hotplug', what: 'cpu', onlineVcpus: 2 }]);
    client.close();
  });
});

describe('connectAgent', () => {
  const path = join(tmpdir(), `shadowgrid-agent-${process.pid}.sock`);

  it('tries until the agent answers', async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      if (connections < 3) socket.destroy();
      else {
        socket.on('data', (data) => {
          for (const line of String(data).split('\n'))
            if (line !== '') socket.write(`${numberOf(line)} ok 1\n`);
        });
      }
    });
    const connecting = connectAgent(path, { domain: 'g' });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const client = await connecting;
    expect(connections).toBe(3);
    client.close();
    await client.closed;
    await new Promise((resolve) => server.close(resolve));
    await rm(path, { force: true });
  });

  it('ends when told to', async () => {
    const connecting = connectAgent(`${path}.none`, { domain: 'g', signal: AbortSignal.timeout(50) });
    await expect(connecting).rejects.toMatchObject({ code: 'guest-unreachable' });
  });
});
