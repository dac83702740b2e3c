/** Inspection on the in-memory drivers and on a real nats-server. */
import { connectNats, MemoryBus, memoryKeyValue, NatsTransport, natsKeyValue } from '../../runtime/mod.ts';
import { inspectionSuite } from './inspect-suite.ts';
import { startTestServer, type TestServer } from './transport-nats-server.ts';

let bus: MemoryBus;
inspectionSuite('memory', {
  start: async () => {
    bus = new MemoryBus();
  },
  connect: async () => bus.connect(),
  store: async () => memoryKeyValue(),
  stop: async () => {},
});

let server: TestServer;
inspectionSuite('nats', {
  start: async () => {
    server = await startTestServer();
  },
  connect: () => connectNats({ servers: server.url }),
  store: (transport, name) => {
    if (!(transport instanceof NatsTransport)) throw new Error('not a NATS transport');
    return natsKeyValue(transport, { bucket: name });
  },
  stop: () => server.stop(),
});
