/** Actors on the in-memory drivers and on a real nats-server, through outages of it. */
import {
  connectNats,
  type KeyValue,
  MemoryBus,
  type MemoryTransport,
  memoryKeyValue,
  NatsTransport,
  natsKeyValue,
  TransportSuspended,
} from '../../runtime/mod.ts';
import { cellSuite } from './cell-suite.ts';
import { startTestServer, type TestServer } from './transport-nats-server.ts';

let bus: MemoryBus;
let connections: MemoryTransport[] = [];
const stores = new Map<string, KeyValue>();
cellSuite('memory', {
  start: async () => {
    bus = new MemoryBus();
  },
  connect: async () => {
    const transport = bus.connect();
    connections.push(transport);
    return transport;
  },
  store: async (transport, name) => {
    const store = stores.get(name) ?? memoryKeyValue();
    stores.set(name, store);
    return reachedOver(transport, store);
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
});

/** A store that is away while its transport is, as JetStream's is. */
function reachedOver(transport: { readonly status: string }, store: KeyValue): KeyValue {
  const guarded = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
    if (transport.status === 'suspended') throw new TransportSuspended(what);
    return call();
  };
  return {
    get: (key) => guarded('get', () => store.get(key)),
    create: (key, value) => guarded('create', () => store.create(key, value)),
    update: (key, value, revision) => guarded('update', () => store.update(key, value, revision)),
    put: (key, value) => guarded('put', () => store.put(key, value)),
    delete: (key, revision) => guarded('delete', () => store.delete(key, revision)),
    keys: (filter) => guarded('keys', () => store.keys(filter)),
    entries: (filter) => guarded('entries', () => store.entries(filter)),
    watch: (filter, handler) => guarded('watch', () => store.watch(filter, handler)),
  };
}

let server: TestServer;
cellSuite('nats', {
  start: async () => {
    server = await startTestServer();
  },
  connect: () => connectNats({ servers: server.url }),
  store: (transport, name) => {
    if (!(transport instanceof NatsTransport)) throw new Error('not a NATS transport');
    return natsKeyValue(transport, { bucket: name });
  },
  cut: () => server.kill(),
  mend: () => server.restart(),
  stop: () => server.stop(),
});
