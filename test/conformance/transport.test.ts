/** Both transport drivers against the one suite. */
import { connectNats, MemoryBus, type MemoryTransport } from '../../runtime/mod.ts';
import { transportBatchSuite } from './transport-batch-suite.ts';
import { startTestServer, type TestServer } from './transport-nats-server.ts';
import { type TransportDriver, transportSuite } from './transport-suite.ts';

let bus: MemoryBus;
let connections: MemoryTransport[] = [];
const memory: TransportDriver = {
  start: async () => {
    bus = new MemoryBus();
  },
  connect: async () => {
    const transport = bus.connect();
    connections.push(transport);
    return transport;
  },
  cut: async () => {
    for (const transport of connections) transport.suspend();
  },
  mend: async () => {
    for (const transport of connections) transport.restore();
  },
  stop: async () => {
    connections = [];
  },
};

let server: TestServer;
const nats: TransportDriver = {
  start: async () => {
    server = await startTestServer();
  },
  connect: () => connectNats({ servers: server.url }),
  cut: () => server.kill(),
  mend: () => server.restart(),
  stop: () => server.stop(),
};

for (const [name, driver] of Object.entries({ memory, nats })) {
  transportSuite(name, driver);
  transportBatchSuite(name, driver);
}
