/** The allocator's loop: frames in, one forecast a step, directives and forecast frames out. */
import { beforeEach, expect, test } from 'vitest';
import type { BatchForecaster } from '../../models/mod.ts';
import { decodeFrame, encodeFrame, type Frame, MemoryBus, type MemoryTransport } from '../../runtime/mod.ts';
import { TestClock } from '../../test/conformance/hypervisor-test-clock.ts';
import { type Directive, SAMPLE_COLUMNS } from '../host/mod.ts';
import { FORECAST_COLUMNS, forecastSubject, telemetrySubject } from './contract.ts';
import { AllocatorLoop } from './loop.ts';
import type { WardSpec } from './ward.ts';

const SHAPE = { stepMs: 250, horizon: 2, quantiles: [0.5, 0.9] };

/** Forecasts what the test says, for each series. */
class StubForecaster implements BatchForecaster {
  readonly name = 'stub';
  readonly shape = SHAPE;
  readonly tracked = new Map<string, number>();
  readonly seen: { readonly ids: readonly string[]; readonly values: readonly number[] }[] = [];
  peaks: Record<string, number> = {};
  gate: Promise<void> | undefined;
  failure: Error | undefined;

  get ids() {
    return [...this.tracked.keys()];
  }
  track(id: string, scale: number) {
    this.tracked.set(id, scale);
  }
  untrack(id: string) {
    this.tracked.delete(id);
  }
  async step(values: Float32Array) {
    const { ids } = this;
    this.seen.push({ ids, values: [...values] });
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    return Float32Array.from(
      ids.flatMap((id) => {
        const high = this.peaks[id] ?? 0.1;
        return [high / 2, high, high / 2, high];
      }),
    );
  }
  async [Symbol.asyncDispose]() {}
}

let clock: TestClock;
let transport: MemoryTransport;
let forecaster: StubForecaster;
let loop: AllocatorLoop;
let directives: Directive[];
let errors: unknown[];
let shown: Frame[];
let cpu: number;

beforeEach(() => {
  clock = new TestClock();
  transport = new MemoryBus().connect();
  forecaster = new StubForecaster();
  [directives, errors, shown, cpu] = [[], [], [], 0];
  let serial = 0;
  loop = new AllocatorLoop({
    transport,
    forecaster,
    clock,
    nextId: () => `d-${serial++}`,
    onDirectives: (given) => directives.push(...given),
    onError: (error) => errors.push(error),
  });
  transport.subscribe(forecastSubject('*'), ({ data }) => shown.push(decodeFrame(data)));
});

const ward = (jobId: string, host = 'h'): WardSpec => ({
  jobId,
  domain: `sg-${jobId}`,
  host,
  policy: { kind: 'forecast', confidence: 0.9 },
  allocation: { cores: 1, vcpus: 1, memoryMiB: 128 },
  floor: { cores: 0.1, vcpus: 1, memoryMiB: 128 },
  limit: { cores: 2, vcpus: 2, memoryMiB: 512 },
  dryRun: false,
});
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** One step of 250 ms with five samples of all `domains`, at half a core. */
async function step(domains: readonly string[] = ['sg-a'], host = 'h') {
  for (let i = 0; i < 5; i++) {
    clock.advance(49);
    cpu += 0.0245;
    const frame = {
      source: host,
      t: clock.now(),
      intervalMs: 49,
      columns: SAMPLE_COLUMNS,
      ids: domains,
      values: Float64Array.from(domains.flatMap(() => [cpu, 0, 92, 50, 1])),
    };
    transport.publish(telemetrySubject(host), encodeFrame(frame));
    await settle();
  }
  clock.advance(5);
  await settle();
}

test('sees use, forecasts, decides, and shows it', async () => {
  loop.track(ward('a'));
  expect(Object.fromEntries(forecaster.tracked)).toEqual({ 'a/cores': 2, 'a/memory': 512 });
  forecaster.peaks = { 'a/cores': 1.5, 'a/memory': 42 };
  await step();
  await step();
  expect(forecaster.seen.at(-1)?.values).toEqual([expect.closeTo(0.5, 1), 42]);
  expect(directives[0]).toMatchObject({ jobId: 'a', resource: 'cores', from: 1, reason: { demand: 1.5 } });
  expect(shown.at(-1)).toMatchObject({ source: 'h', columns: FORECAST_COLUMNS, ids: ['a'] });
  const row = Object.fromEntries(FORECAST_COLUMNS.map((name, i) => [name, shown.at(-1)?.values[i]]));
  expect(row).toMatchObject({ cores: 1, vcpus: 1, memoryMiB: 128, medianCores: 0.75, upperCores: 1.5 });
  expect(errors).toEqual([]);
});

test('one batch for all domains, of all hosts; each host hears of its own', async () => {
  for (const [job, host] of [
    ['a', 'h'],
    ['b', 'h'],
    ['c', 'i'],
  ] as const)
    loop.track(ward(job, host));
  await step(['sg-a', 'sg-b', 'sg-stranger']);
  expect(forecaster.seen.length).toBe(1);
  expect(forecaster.seen[0]?.ids.length).toBe(6);
  expect(shown.map((frame) => [frame.source, frame.ids])).toEqual([
    ['h', ['a', 'b']],
    ['i', ['c']],
  ]);
});

test('the answer to a directive is where the next one starts', async () => {
  loop.track(ward('a'));
  forecaster.peaks = { 'a/cores': 1.5, 'a/memory': 42 };
  await step();
  await step();
  const asked = directives.find((directive) => directive.resource === 'cores')!;
  loop.settle({ directive: asked, outcome: 'partial', granted: 1.25, tookMs: 1, at: clock.now() });
  await step();
  const next = directives.filter((directive) => directive.resource === 'cores').at(-1);
  expect(next).toMatchObject({ from: 1.25 });
});

test('a slow model skips steps instead of queueing them', async () => {
  loop.track(ward('a'));
  const gate = Promise.withResolvers<void>();
  forecaster.gate = gate.promise;
  for (let i = 0; i < 4; i++) await step();
  expect(forecaster.seen.length).toBe(1);
  forecaster.gate = undefined;
  gate.resolve();
  await step();
  expect(forecaster.seen.length).toBe(2);
});

test('a job untracked while the model runs gets no directive', async () => {
  loop.track(ward('a'));
  loop.track(ward('b'));
  forecaster.peaks = { 'a/cores': 2, 'b/cores': 2 };
  await step(['sg-a', 'sg-b']);
  directives.length = 0;
  const gate = Promise.withResolvers<void>();
  forecaster.gate = gate.promise;
  await step(['sg-a', 'sg-b']);
  loop.untrack('a');
  gate.resolve();
  await settle();
  expect(directives.map((directive) => directive.jobId)).not.toContain('a');
  expect(errors).toEqual([]);
});

test('a model that throws and bytes that are no frame are told, and the loop goes on', async () => {
  loop.track(ward('a'));
  forecaster.failure = new Error('no memory');
  await step();
  expect(errors).toEqual([forecaster.failure]);
  forecaster.failure = undefined;
  transport.publish(telemetrySubject('h'), new Uint8Array([0xc1]));
  await step();
  expect(errors.length).toBe(2);
  expect(shown.length).toBe(1);
});

test('an outage is no fault of the model', async () => {
  loop.track(ward('a'));
  await step();
  transport.suspend();
  clock.advance(1_000);
  await settle();
  expect(errors).toEqual([]);
  transport.restore();
  await step();
  expect(shown.length).toBeGreaterThanOrEqual(2);
});

test('stops with the last job, starts again with the next', async () => {
  loop.track(ward('a'));
  await step();
  loop.untrack('a');
  loop.untrack('a');
  clock.advance(5_000);
  await settle();
  expect(forecaster.seen.length).toBe(1);
  expect(forecaster.ids).toEqual([]);
  loop.track(ward('b'));
  loop.track(ward('b'));
  await step(['sg-b']);
  expect(forecaster.seen.length).toBe(2);
});
