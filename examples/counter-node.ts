/** A node of a cluster of counters: `node examples/counter-node.ts NAME [NATS-URL]`, as often as you like. */
import { connectNats, createActorSystem, natsCommandLog, natsKeyValue } from '../runtime/mod.ts';
import { counter } from './counter.ts';

const [node = 'a', servers = 'nats://127.0.0.1:4222'] = process.argv.slice(2);
const transport = await connectNats({ servers });
const system = createActorSystem({
  transport,
  node,
  store: await natsKeyValue(transport, { bucket: 'counters' }), // what the actors remember
  cluster: { store: await natsKeyValue(transport, { bucket: 'cluster' }), ttlMs: 2_000 }, // who owns them
  commands: await natsCommandLog(transport, { namespace: 'counters' }), // what they are told for good
});
system.register(counter);
await system.join();
process.stdout.write(`${node} is a member\n`);

process.once('SIGTERM', async () => {
  await system.stop(); // hands its counters to the other nodes: no call fails
  await transport.close();
});
