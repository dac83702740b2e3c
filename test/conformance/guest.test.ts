/** The guest image in a plain QEMU under software emulation: boots, and its agent keeps the contract of GuestAgent. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AgentClient, connectAgent, type GuestEvent } from '../../actors/host/agent/mod.ts';
import { ensureGuestImage } from '../../deploy/guest/mod.ts';

let folder: string;
let qemu: ChildProcess;
let agent: AgentClient;
let events: GuestEvent[] = [];
const socket = () => join(folder, 'agent.sock');
const domain = 'guest-test';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shadowgrid-guest-test-'));
  const image = await ensureGuestImage();
  qemu = spawn(
    'qemu-system-x86_64',
    [
      ...[
        '-accel',
        'tcg',
        '-m',
        '96,slots=4,maxmem=1024M',
        '-smp',
        '1,maxcpus=4,sockets=4,cores=1,threads=1',
      ],
      ...['-nodefaults', '-no-reboot', '-display', 'none', '-serial', `file:${join(folder, 'console')}`],
      ...['-kernel', image.kernel, '-initrd', image.initrd],
      ...['-append', 'console=ttyS0 quiet panic=-1 swiotlb=noforce'],
      ...['-device', 'virtio-serial', '-chardev', `socket,id=agent,path=${socket()},server=on,wait=off`],
      ...['-device', 'virtserialport,chardev=agent,name=org.shadowgrid.agent'],
      ...['-object', 'memory-backend-ram,id=plug,size=256M'],
      ...['-device', 'virtio-mem-pci,id=plugged,memdev=plug,requested-size=0'],
      ...['-chardev', `socket,id=monitor,path=${join(folder, 'monitor.sock')},server=on,wait=off`],
      ...['-mon', 'chardev=monitor,mode=readline'],
    ],
    { stdio: 'ignore' },
  );
  agent = await connectAgent(socket(), { domain, signal: AbortSignal.timeout(120_000) });
});

afterAll(async () => {
  agent?.close();
  const gone = new Promise((resolve) => qemu?.once('exit', resolve));
  if (qemu?.kill('SIGKILL')) await gone;
  await rm(folder, { recursive: true, force: true });
});

beforeEach(() => {
  events = [];
  return agent.onEvent((event) => events.push(event));
});

const eventually = <T>(look: () => T | Promise<T>) => vi.waitFor(look, { timeout: 60_000, interval: 50 });

async function finished(id: string) {
  return eventually(async () => {
    const job = await agent.job();
    expect(job).toMatchObject({ state: 'exited', id });
    return job.state === 'exited' ? job : expect.fail();
  });
}

async function text(): Promise<string> {
  return new TextDecoder().decode((await agent.output(0, 65536)).data);
}

/** One line to QEMU's monitor. */
async function monitor(line: string): Promise<void> {
  const channel = connect(join(folder, 'monitor.sock'));
  let said = '';
  channel.on('data', (chunk) => {
    said += String(chunk);
  });
  const prompt = () => expect(said).toMatch(/\r\n\(qemu\) $/);
  await eventually(prompt);
  said = '';
  channel.write(`${line}\n`);
  await eventually(prompt);
  channel.destroy();
}

describe('a job', () => {
  it('runs once, whoever asks for it how often; its output and status are kept', async () => {
    const command = 'echo out; echo err >&2; echo "$0 $((6 * 7))"; exit 3';
    await agent.run('job / 1', command);
    await agent.run('job / 1', command);
    expect(await finished('job / 1')).toMatchObject({ exitCode: 3, signal: 0 });
    expect(await text()).toBe('out\nerr\nsh 42\n');
    await agent.run('job / 1', command);
    expect(await agent.job()).toMatchObject({ state: 'exited', outputBytes: 14 });
    await eventually(() =>
      expect(events).toContainEqual({ type: 'exited', id: 'job / 1', exitCode: 3, signal: 0 }),
    );
  });

  it('is refused while another runs, and is ended with all it started', async () => {
    await agent.run('two', 'trap "exit 7" TERM; sleep 1000 & echo ready; while true; do sleep 0.1; done');
    await eventually(async () => expect(await text()).toBe('ready\n'));
    await expect(agent.run('three', 'true')).rejects.toMatchObject({ code: 'guest-job-running' });
    await agent.kill(20_000);
    expect(await finished('two')).toMatchObject({ exitCode: 7, signal: 0 });
    await agent.run('look', 'ps | grep -c "[s]leep 1000"');
    await finished('look');
    expect(await text()).toBe('0\n');
  });

  it('that ignores the request to end is killed after the grace', async () => {
    await agent.run('stubborn', 'trap "" TERM; echo ready; while true; do sleep 0.1; done');
    await eventually(async () => expect(await text()).toBe('ready\n'));
    await agent.kill(300);
    expect(await finished('stubborn')).toMatchObject({ exitCode: 137, signal: 9 });
  });

  it('that writes without end loses its oldest output and nothing else', async () => {
    await agent.run('chatty', 'yes 0123456 | head -c 6000000');
    const job = await finished('chatty');
    expect(job.outputBytes).toBe(6_000_000);
    const first = await agent.output(0, 100);
    expect(first.offset).toBe(6_000_000 - 4 * 1024 * 1024);
    expect(new TextDecoder().decode(first.data).slice(0, 8)).toHaveLength(8);
    const last = await agent.output(6_000_000 - 8, 100);
    expect(new TextDecoder().decode(last.data)).toBe('0123456\n');
    expect((await agent.output(7_000_000, 10)).data).toHaveLength(0);
  });

  it('is refused memory that the guest does not have, and gets it once it is plugged in', async () => {
    const before = await agent.stats();
    await agent.run('hungry', "workload --phases 'big:threads=1,duty=10,memory=110,seconds=40'");
    await eventually(() =>
      expect(events.some((e) => e.type === 'note' && /refused/.test(e.text))).toBe(true),
    );
    await monitor('qom-set plugged requested-size 134217728');
    await eventually(() =>
      expect(events.some((e) => e.type === 'note' && /granted/.test(e.text))).toBe(true),
    );
    expect((await agent.stats()).memoryTotalMiB).toBeGreaterThan(before.memoryTotalMiB + 100);
    await agent.kill(0);
    await finished('hungry');
  });
});

describe('the machine', () => {
  it('gives statistics, once and as a stream', async () => {
    const stats = await agent.stats();
    expect(stats.memoryAvailableMiB).toBeGreaterThan(20);
    expect(stats.memoryAvailableMiB).toBeLessThan(stats.memoryTotalMiB);
    await agent.streamStats(50);
    await eventually(() =>
      expect(events.filter((event) => event.type === 'stats').length).toBeGreaterThan(3),
    );
    await agent.streamStats(0);
  });

  it('brings hot-plugged CPUs online, up to the number wanted', async () => {
    expect(await agent.setOnlineVcpus(2)).toBe(1);
    await monitor('device_add qemu64-x86_64-cpu,id=cpu1,socket-id=1,core-id=0,thread-id=0');
    await eventually(() => expect(events).toContainEqual({ type: 'hotplug', what: 'cpu', onlineVcpus: 2 }));
    await monitor('device_add qemu64-x86_64-cpu,id=cpu2,socket-id=2,core-id=0,thread-id=0');
    await eventually(() => expect(events.filter((event) => event.type === 'hotplug')).toHaveLength(2));
    expect((await agent.stats()).onlineVcpus).toBe(2);
    expect(await agent.setOnlineVcpus(3)).toBe(3);
    expect(await agent.setOnlineVcpus(1)).toBe(1);
  });

  it('passes on what programs write to the notes', async () => {
    await agent.run('notes', 'echo "phase 0 low" > /run/shadowgrid/notes');
    await eventually(() => expect(events).toContainEqual({ type: 'note', text: 'phase 0 low' }));
    await finished('notes');
  });
});

describe('the agent', () => {
  it('answers after any garbage', async () => {
    agent.close();
    await agent.closed;
    const raw = connect(socket());
    await new Promise<void>((resolve) => raw.once('connect', resolve));
    const rubbish = [
      'run',
      '1 run',
      '2 output a b',
      '3 cpus 0',
      '4 kill -1',
      '5 run x !!!',
      `6 ${'y'.repeat(300_000)}`,
    ];
    raw.write(`${rubbish.join('\n')}\n`);
    raw.write(Uint8Array.from({ length: 50_000 }, (_, i) => (i * 7919) % 256));
    raw.write('\n7 nonsense\n');
    let answers = '';
    raw.on('data', (chunk) => {
      answers += String(chunk);
    });
    await eventually(() => expect(answers).toMatch(/^7 error unknown-verb/m));
    expect(answers).toMatch(/^0 error line-too-long/m);
    expect(answers).toMatch(/^3 error bad-request/m);
    raw.destroy();
    agent = await connectAgent(socket(), { domain, signal: AbortSignal.timeout(30_000) });
  });

  it('keeps the job and what it said while nobody is connected', async () => {
    await agent.run('lasting', 'echo before; sleep 1; echo after');
    agent.close();
    await agent.closed;
    agent = await connectAgent(socket(), { domain, signal: AbortSignal.timeout(30_000) });
    await finished('lasting');
    expect(await text()).toBe('before\nafter\n');
  });

  it('serves the next host after one that did not read', async () => {
    agent.close();
    await agent.closed;
    const deaf = connect(socket());
    await new Promise<void>((resolve) => deaf.once('connect', resolve));
    deaf.pause();
    deaf.write(
      `\n${Array.from({ length: 400 }, (_, i) => `${i + 1} output 0 65536`).join('\n')}\n9999 stream 10\n`,
    );
    // 400 answers of 48 KiB are far more than all buffers on the way hold: they fill within a second.
    await delay(1500);
    deaf.destroy();
    agent = await connectAgent(socket(), { domain, signal: AbortSignal.timeout(60_000) });
    expect(await agent.job()).toMatchObject({ state: 'exited' });
  });
});
