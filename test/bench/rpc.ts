/** Calls to live actors in another process, beside a bare request/reply echo with the official client. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { ensureNatsServer, startNatsServer } from '../../deploy/nats/mod.ts';
import { connectNats, createActorSystem, memoryKeyValue } from '../../runtime/mod.ts';
import { type Benchmark, median, quantile, round } from './benchmark.ts';
import { ACTORS, counter, ECHO_SUBJECT, usageSubject } from './rpc-server.ts';

const IN_FLIGHT = 256;
const CALLS = 40_000;
const SERIAL = 3_000;
const WARM = 10_000;
/** Messages told in one turn, and how many such turns are under way at a time. */
const FRAME = 32;
const FRAMES_IN_FLIGHT = 8;
const TOLD = 160_000;

export const rpc: Benchmark = async ({ log, runs = 5 }) => {
  const folder = await mkdtemp(join(tmpdir(), 'shadowgrid-rpc-'));
  const server = await startNatsServer({
    binary: await ensureNatsServer(),
    storeDir: join(folder, 'store'),
    runDir: join(folder, 'run'),
  });
  const children = ['echo', 'actors'].map((role) => startRole(role, server.url));
  try {
    const control = await connect({ servers: server.url });
    await Promise.all(['echo', 'actors'].map((role) => usedBy(control, role)));
    const bare = await connect({ servers: server.url });
    const transport = await connectNats({ servers: server.url });
    const system = createActorSystem({ transport, store: memoryKeyValue(), node: 'bench-caller' });
    const actors = Array.from({ length: ACTORS }, (_, i) => system.ref(counter, `c${i}`));
    const note = 'a note of some length';
    const payload = new Uint8Array(120).fill(7);

    const echo = () => bare.request(ECHO_SUBJECT, payload, { timeout: 5_000 });
    const ask = (i: number) => actors[i % ACTORS]!.ask({ type: 'add', amount: 1, note });
    const tell = (i: number) => actors[i % ACTORS]!.tell({ type: 'log', amount: 1, note });
    const tellFrame = (i: number) =>
      Promise.all(Array.from({ length: FRAME }, (_, at) => tell(i * FRAME + at)));
    const phase = (role: string, count: number, inFlight: number, call: (i: number) => Promise<unknown>) =>
      measure(control, role, count, inFlight, call);

    const ratios: Record<'throughput' | 'cpu' | 'serial', number[]> = { throughput: [], cpu: [], serial: [] };
    const batched: Phase[] = [];
    const ours: Phase[] = [];
    const theirs: Phase[] = [];
    await phase('echo', WARM, IN_FLIGHT, echo);
    await phase('actors', WARM, IN_FLIGHT, ask);
    await phase('actors', WARM / FRAME, FRAMES_IN_FLIGHT, tellFrame);
    for (let run = 0; run < runs; run++) {
      const echoMany = await phase('echo', CALLS, IN_FLIGHT, echo);
      const askMany = await phase('actors', CALLS, IN_FLIGHT, ask);
      const echoOne = await phase('echo', SERIAL, 1, echo);
      const askOne = await phase('actors', SERIAL, 1, ask);
      const told = await phase('actors', TOLD / FRAME, FRAMES_IN_FLIGHT, tellFrame);
      theirs.push(echoMany);
      ours.push(askMany);
      batched.push(told);
      ratios.throughput.push(askMany.perSecond / echoMany.perSecond);
      ratios.cpu.push((askMany.callerUs + askMany.serverUs) / (echoMany.callerUs + echoMany.serverUs));
      ratios.serial.push(quantile(askOne.times, 0.5) / quantile(echoOne.times, 0.5));
      log(
        `run ${run + 1}: ${describe(askMany)}; echo ${describe(echoMany)}; serial p50 ` +
          `${quantile(askOne.times, 0.5).toFixed(3)} ms; echo ${quantile(echoOne.times, 0.5).toFixed(3)} ms; ` +
          `told ${((told.perSecond * FRAME) / 1000).toFixed(0)}k/s, ` +
          `${(told.callerUs / FRAME).toFixed(1)} + ${(told.serverUs / FRAME).toFixed(1)} us`,
      );
    }
    await system.stop();
    await Promise.all([transport.close(), bare.close(), control.close()]);
    const medianOf = (phases: readonly Phase[], figure: (phase: Phase) => number) =>
      median(phases.map(figure));
    return {
      throughputRatio: round(median(ratios.throughput)),
      cpuRatio: round(median(ratios.cpu)),
      serialRatio: round(median(ratios.serial)),
      batchedPerSecond: Math.round(medianOf(batched, ({ perSecond }) => perSecond * FRAME)),
      batchedCpuUs: round(medianOf(batched, ({ serverUs }) => serverUs / FRAME)),
      batchedCallerCpuUs: round(medianOf(batched, ({ callerUs }) => callerUs / FRAME)),
      perSecond: Math.round(medianOf(ours, ({ perSecond }) => perSecond)),
      echoPerSecond: Math.round(medianOf(theirs, ({ perSecond }) => perSecond)),
      cpuUs: round(
        medianOf(ours, ({ callerUs, serverUs }) => callerUs + serverUs),
        1,
      ),
      echoCpuUs: round(
        medianOf(theirs, ({ callerUs, serverUs }) => callerUs + serverUs),
        1,
      ),
    };
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
};

interface Phase {
  readonly perSecond: number;
  /** CPU per call of this process and of the other, in microseconds. */
  readonly callerUs: number;
  readonly serverUs: number;
  /** Milliseconds. */
  readonly times: readonly number[];
}

async function measure(
  control: NatsConnection,
  role: string,
  count: number,
  inFlight: number,
  call: (index: number) => Promise<unknown>,
): Promise<Phase> {
  const times: number[] = [];
  let next = 0;
  const serverBefore = await usedBy(control, role);
  const before = process.cpuUsage();
  const began = performance.now();
  const lane = async () => {
    while (next < count) {
      const index = next++;
      const t = inFlight === 1 ? performance.now() : 0;
      await call(index);
      if (inFlight === 1) times.push(performance.now() - t);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  const elapsedMs = performance.now() - began;
  const { user, system } = process.cpuUsage(before);
  const serverUs = (await usedBy(control, role)) - serverBefore;
  return {
    perSecond: (count / elapsedMs) * 1000,
    callerUs: (user + system) / count,
    serverUs: serverUs / count,
    times,
  };
}

function describe({ perSecond, callerUs, serverUs }: Phase): string {
  return `${(perSecond / 1000).toFixed(1)}k/s, ${callerUs.toFixed(1)} + ${serverUs.toFixed(1)} us`;
}

/** CPU time of the other process so far, in microseconds; waits for it to be there. */
async function usedBy(control: NatsConnection, role: string): Promise<number> {
  const deadline = performance.now() + 20_000;
  while (true) {
    try {
      return (await control.request(usageSubject(role), undefined, { timeout: 2_000 })).json<number>();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function startRole(role: string, url: string) {
  const program = fileURLToPath(new URL('./rpc-server.ts', import.meta.url));
  const flags = 'Deno' in globalThis ? ['run', '-A'] : [];
  return spawn(process.execPath, [...flags, program, role, url], { stdio: ['ignore', 'inherit', 'inherit'] });
}
