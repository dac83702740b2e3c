/** The runtime's metrics as Prometheus reads them. */
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { ActorTelemetry } from '../../runtime/telemetry/mod.ts';
import { prometheusSink } from './prometheus.ts';

test("the runtime's metrics stand in the exposition text, named as OpenTelemetry translates them", async () => {
  const registry = new Registry();
  let now = 0;
  const telemetry = new ActorTelemetry({ node: 'n1', metrics: [prometheusSink(registry)], now: () => now });
  telemetry.observeActors(() => [{ address: 'job/j-1', waiting: 2 }]);
  telemetry.observeLease(() => 7_500);
  const handling = telemetry.handling('job/j-1', 'place');
  now += 4;
  handling.end();
  const text = await registry.metrics();
  for (const line of [
    'shadowgrid_actor_messages_total{actor_kind="job",actor_outcome="handled"} 1',
    'shadowgrid_actor_handling_duration_seconds_bucket{le="0.0025",actor_kind="job",actor_message_type="place"} 0',
    'shadowgrid_actor_handling_duration_seconds_bucket{le="0.005",actor_kind="job",actor_message_type="place"} 1',
    'shadowgrid_actor_live{actor_kind="job"} 1',
    'shadowgrid_actor_mailbox_depth{actor_kind="job"} 2',
    'shadowgrid_node_lease_margin_seconds{node_name="n1"} 7.5',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
  telemetry.close();
  expect(await registry.metrics()).not.toContain('shadowgrid_actor_live');
});
