/** What a libvirt call costs through the binding beside the same call from C, and whether many of them leave anything behind. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Connection, DomainStatsGroup, StartFlag } from '../../actors/host/libvirt/binding/mod.ts';
import { ensureLibvirtd, LibvirtMissing, LibvirtNeedsRoot } from '../../deploy/libvirtd/mod.ts';
import { type Benchmark, median, quantile, round } from './benchmark.ts';
import { type BareCalls, compileBareCalls, type Medians } from './libvirt-bare.ts';
import { type Growth, SOAK } from './libvirt-soak.ts';

const CALLS = 4_000;
const WARM = 2_000;
const SOAK_MS = 540_000;
const DENO = fileURLToPath(new URL('../../node_modules/.bin/deno', import.meta.url));
const RUNTIMES: Readonly<Record<string, readonly string[]>> = {
  node: ['node', '--expose-gc', SOAK],
  deno: [DENO, 'run', '-A', '--v8-flags=--expose-gc', SOAK],
};

export const libvirt: Benchmark = async ({ log, runs = 5 }) => {
  const folder = await mkdtemp(join(tmpdir(), 'sg-'));
  try {
    const bare = await compileBareCalls(folder);
    if (typeof bare === 'string') log(`no comparison with C: ${bare}`);
    await using place = await openPlaces(folder, log);
    const extra: Medians[] = [];
    const growth: Growth[] = [];
    for (const { uri, domain } of place.places) {
      if (typeof bare !== 'string') extra.push(await compare(uri, domain, bare, runs, log));
      for (const runtime of Object.keys(RUNTIMES)) growth.push(await soak(runtime, uri, domain, log));
    }
    // Of the places the worst; in each the median of the runs.
    const worst = (values: readonly number[]) => (values.length === 0 ? null : round(Math.max(...values), 1));
    return {
      getInfoExtraUs: worst(extra.map(({ getInfo }) => getInfo)),
      statsExtraUs: worst(extra.map(({ stats }) => stats)),
      callGrowthMiB: worst(growth.map(({ callGrowthMiB }) => callGrowthMiB)),
      eventGrowthMiB: worst(growth.map(({ eventGrowthMiB }) => eventGrowthMiB)),
      calls: Math.min(...growth.map(({ calls }) => calls)),
      events: Math.min(...growth.map(({ events }) => events)),
      places: place.places.map(({ uri }) => new URL(uri).protocol.slice(0, -1)),
      ...(typeof bare === 'string' ? { skipped: bare } : {}),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

interface Place {
  readonly uri: string;
  readonly domain: string;
}

/** The driver inside the process, and a daemon with a paused QEMU where there can be one. */
async function openPlaces(
  folder: string,
  log: (line: string) => void,
): Promise<AsyncDisposable & { readonly places: readonly Place[] }> {
  const places: Place[] = [{ uri: 'test:///default', domain: 'test' }];
  await using opening = new AsyncDisposableStack();
  try {
    const daemon = await ensureLibvirtd({ runDir: join(folder, 'run'), stateDir: join(folder, 'state') });
    opening.defer(async () => {
      await daemon.stop();
    });
    const domain = `bench-${process.pid}`;
    const connection = opening.use(await Connection.open(daemon.uri));
    const guest = opening.use(await connection.createXML(guestXml(domain), StartFlag.paused));
    opening.defer(() => guest.destroy());
    places.push({ uri: daemon.uri, domain });
  } catch (error) {
    if (!(error instanceof LibvirtMissing || error instanceof LibvirtNeedsRoot)) throw error;
    log(`the test driver only: ${error.message}`);
  }
  const stack = opening.move();
  return { places, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

function guestXml(name: string): string {
  return `<domain type='qemu'><name>${name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
    <os><type arch='x86_64' machine='pc'>hvm</type></os>
    <devices><emulator>/usr/bin/qemu-system-x86_64</emulator><controller type='usb' model='none'/></devices>
  </domain>`;
}

async function compare(
  uri: string,
  domain: string,
  bare: BareCalls,
  runs: number,
  log: (line: string) => void,
): Promise<Medians> {
  await using connection = await Connection.open(uri);
  using handle = await connection.lookupByName(domain);
  const calls = {
    getInfo: () => handle.info(),
    stats: () => connection.getAllDomainStats(DomainStatsGroup.state),
  };
  const extra: { [K in keyof Medians]: number[] } = { getInfo: [], stats: [] };
  await timed(WARM, calls.getInfo);
  await timed(WARM, calls.stats);
  for (let run = 0; run < runs; run++) {
    const theirs = await bare.measure(uri, domain, CALLS);
    for (const name of ['getInfo', 'stats'] as const) {
      const ours = await timed(CALLS, calls[name]);
      extra[name].push(ours - theirs[name]);
      log(`${uri} run ${run + 1}: ${name} ${ours.toFixed(1)} us, in C ${theirs[name].toFixed(1)} us`);
    }
  }
  return { getInfo: median(extra.getInfo), stats: median(extra.stats) };
}

/** Microseconds of a call, p50. */
async function timed(count: number, call: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const began = performance.now();
    await call();
    times.push((performance.now() - began) * 1000);
  }
  return quantile(times, 0.5);
}

async function soak(
  runtime: string,
  uri: string,
  domain: string,
  log: (line: string) => void,
): Promise<Growth> {
  const [program = '', ...args] = RUNTIMES[runtime] ?? [];
  const { stdout } = await promisify(execFile)(program, [...args, uri, domain], { timeout: SOAK_MS });
  const growth: Growth = JSON.parse(stdout);
  log(
    `${uri} on ${runtime}: ${growth.calls} calls ${growth.callGrowthMiB.toFixed(1)} MiB, ` +
      `${growth.events} events ${growth.eventGrowthMiB.toFixed(1)} MiB`,
  );
  return growth;
}
