/** Telemetry as it leaves a process: spans of three nodes over NATS, and metrics, at an OTLP collector. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTelemetry, type Telemetry } from '../../deploy/telemetry/mod.ts';
import { connectNats, createMux } from '../../runtime/mod.ts';
import { Collector } from './telemetry-collector.ts';
import { startTestServer, type TestServer } from './transport-nats-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

describe('a collector', () => {
  test('gets the spans of a chain of messages over three nodes, each the child of the one before', async () => {
    const collector = await Collector.start();
    await using cleanUp = new AsyncDisposableStack();
    cleanUp.defer(() => collector.stop());
    const nodes = await Promise.all(
      ['n1', 'n2', 'n3'].map(async (node, index, all) => {
        const telemetry = await started(node, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
        const transport = await connectNats({ servers: server.url });
        const mux = createMux(transport);
        const next = all[index + 1];
        mux.serve(`chain.${node}`, async (body) => {
          const { trace } = body as { readonly trace?: string };
          const handling = telemetry.actors.handling(`link/${node}`, 'pass', trace, 'ask');
          if (next !== undefined) await mux.request(`chain.${next}`, { trace: handling.trace });
          handling.end();
        });
        // The server has its subscription.
        await transport.flush();
        cleanUp.defer(async () => {
          await mux.close();
          await transport.close();
        });
        return { telemetry, mux };
      }),
    );
    await nodes[0]!.mux.request('chain.n1', {});
    for (const { telemetry } of nodes) await telemetry.stop();
    const [first, second, third] = ['n1', 'n2', 'n3'].map((node) =>
      collector.spans.find(({ attributes }) => attributes['node.name'] === node),
    );
    expect(collector.spans).toHaveLength(3);
    expect(first).toMatchObject({ name: 'link pass', resource: { 'service.name': 'shadowgrid' } });
    expect(first?.parentSpanId ?? '').toBe('');
    expect(second).toMatchObject({ traceId: first?.traceId, parentSpanId: first?.spanId });
    expect(third).toMatchObject({ traceId: first?.traceId, parentSpanId: second?.spanId });
    expect(third).toMatchObject({ attributes: { 'messaging.destination.name': 'link/n3' } });
  });

  test('gets the metrics that /metrics shows, when the node stops', async () => {
    const collector = await Collector.start();
    await using cleanUp = new AsyncDisposableStack();
    cleanUp.defer(() => collector.stop());
    const telemetry = await started('n1', {
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${collector.url}/own/path`,
    });
    telemetry.actors.observeActors(() => [{ address: 'link/n1', waiting: 0 }]);
    telemetry.actors.handling('link/n1', 'pass').end();
    expect(await telemetry.registry.metrics()).toContain(
      'shadowgrid_actor_messages_total{actor_kind="link",actor_outcome="handled"} 1',
    );
    await telemetry.stop();
    expect([...collector.paths]).toEqual(['/own/path']);
    expect([...collector.metrics].sort()).toEqual([
      'actor.handling.duration',
      'actor.live',
      'actor.mailbox.depth',
      'actor.mailbox.depth.max',
      'actor.messages',
    ]);
    expect(collector.spans).toEqual([]);
  });

  test('that is away is complained of, and does not keep a node from stopping', async () => {
    const collector = await Collector.start();
    await collector.stop();
    const warnings: string[] = [];
    const telemetry = await startTelemetry({
      node: 'n1',
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
      onWarn: (message) => warnings.push(message),
      flushMs: 200,
    });
    telemetry.actors.handling('link/n1', 'pass').end();
    await telemetry.stop();
    expect(warnings.at(-1)).toBe('the last telemetry could not be sent within 0.2 s');
  });
});

function started(node: string, env: Record<string, string>): Promise<Telemetry> {
  return startTelemetry({ node, env, onWarn: (message) => expect.fail(message) });
}
