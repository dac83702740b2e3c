/** The allocator's worker with no more permissions than it is started with: forecasts by the shipped model, over a secured NATS. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type AllocatorWorkerContract,
  forecastSubject,
  sandboxOf,
  telemetrySubject,
  type WardSpec,
} from '../../actors/allocator/mod.ts';
import { SAMPLE_COLUMNS } from '../../actors/host/mod.ts';
import { readNatsCredentials } from '../../deploy/nats/secured/mod.ts';
import { TACTICAL_MODEL } from '../../models/mod.ts';
import { decodeFrame, encodeFrame, type NatsTransport, spawnWorker } from '../../runtime/mod.ts';
import { until } from '../support/until.ts';
import { type SecuredServers, startSecured } from './nats-secured-server.ts';

const WORKER = new URL('../../actors/allocator/allocator.worker.ts', import.meta.url);
const ward: WardSpec = {
  jobId: 'a',
  domain: 'sg-a',
  host: 'h',
  policy: { kind: 'forecast', confidence: 0.9 },
  allocation: { cores: 1, vcpus: 1, memoryMiB: 128 },
  floor: { cores: 0.1, vcpus: 1, memoryMiB: 128 },
  limit: { cores: 2, vcpus: 2, memoryMiB: 512 },
  dryRun: false,
};

describe('the allocator worker', () => {
  let servers: SecuredServers;
  let agent: NatsTransport;
  const forecasts: string[][] = [];
  beforeAll(async () => {
    servers = await startSecured();
    agent = (await servers.connect('host-agent')).transport;
    const { transport } = await servers.connect('operator');
    transport.subscribe(forecastSubject('*'), ({ data }) => forecasts.push([...decodeFrame(data).ids]));
    await transport.flush();
  });
  afterAll(() => servers.stop());

  it.each(['thread', 'process'] as const)(
    'in a sandboxed %s reads the model and tells forecasts',
    async (isolation) => {
      const nats = await readNatsCredentials(join(servers.folder, 'users/telemetry.json'));
      const options = { nats, modelPath: TACTICAL_MODEL, stepMs: 250 };
      const worker = spawnWorker<AllocatorWorkerContract>(WORKER, {
        name: 'allocator',
        isolation,
        permissions: sandboxOf(options),
      });
      const degraded: string[] = [];
      worker.on('degraded', ({ reason }) => degraded.push(reason));
      expect(await worker.call('open', options)).toEqual({ forecaster: 'lstm' });
      await worker.call('track', ward);
      forecasts.length = 0;
      let cpu = 0;
      await until(() => {
        cpu += 0.0025;
        const values = Float64Array.of(cpu, 0, 92, 50, 1);
        const frame = {
          source: 'h',
          t: Date.now(),
          intervalMs: 5,
          columns: SAMPLE_COLUMNS,
          ids: ['sg-a'],
          values,
        };
        agent.publish(telemetrySubject('h'), encodeFrame(frame));
        return forecasts.some((ids) => ids.includes('a'));
      });
      expect(degraded).toEqual([]);
      const exit = new Promise((resolve) => worker.onExit(resolve));
      await worker.close();
      expect(await exit).toEqual({ code: 0 });
    },
  );
});
