/** A chain of actors on three nodes, over NATS: the spans that an OTLP collector gets. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { emit, setup } from 'xstate';
import { z } from 'zod';
import { startTelemetry } from '../../deploy/telemetry/mod.ts';
import { connectNats, createActorSystem, defineActor, memoryKeyValue } from '../../runtime/mod.ts';
import { until } from '../support/until.ts';
import { Collector } from './telemetry-collector.ts';
import { startTestServer, type TestServer } from './transport-nats-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

/** Passes on whatever it gets. */
function link(kind: string) {
  const machine = setup({
    types: { events: {} as { type: 'pass' }, emitted: {} as { type: 'on' } },
    actions: { on: emit({ type: 'on' }) },
  }).createMachine({ initial: 'idle', states: { idle: { on: { pass: { actions: 'on' } } } } });
  const message = z.object({ type: z.literal('pass') });
  return defineActor({ kind, machine, message, durability: 'volatile', replies: { pass: () => true } });
}

test('each message is a span, child of the one that it was sent in, and failures are logged with it', async () => {
  const collector = await Collector.start();
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => collector.stop());
  const links = ['first', 'second', 'third'].map(link);
  const failures: (string | undefined)[] = [];
  const nodes = await Promise.all(
    links.map(async (definition, index) => {
      const node = `n${index}`;
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
      const telemetry = await startTelemetry({ node, env, onWarn: (message) => expect.fail(message) });
      const transport = await connectNats({ servers: server.url });
      const system = createActorSystem({
        transport,
        store: memoryKeyValue(),
        node,
        telemetry: telemetry.actors,
        onFailure: ({ trace }) => failures.push(trace),
      });
      cleanUp.defer(async () => {
        await system.stop();
        await transport.close();
      });
      const next = links[index + 1];
      system.register(definition, {
        onEffect: async () => {
          if (next !== undefined) return void system.ref(next, 'a').tell({ type: 'pass' });
          throw new Error('the end of the chain');
        },
      });
      await system.spawn(definition, 'a');
      // The server has its subscription.
      await transport.flush();
      return { telemetry, system };
    }),
  );
  await nodes[0]!.system.ref(links[0]!, 'a').ask({ type: 'pass' });
  await until(() => failures.length > 0);
  for (const { telemetry } of nodes) await telemetry.stop();
  const [first, second, third] = links.map(({ kind }) =>
    collector.spans.find(({ name }) => name === `${kind} pass`),
  );
  expect(collector.spans).toHaveLength(3);
  expect(first?.parentSpanId ?? '').toBe('');
  expect(second).toMatchObject({ traceId: first?.traceId, parentSpanId: first?.spanId });
  expect(third).toMatchObject({ traceId: first?.traceId, parentSpanId: second?.spanId });
  expect(failures).toEqual([`00-${third?.traceId}-${third?.spanId}-01`]);
});
