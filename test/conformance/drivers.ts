/** The pairs of drivers that suites of actors run on: in memory, and a real nats-server. */
import {
  connectNats,
  type KeyValue,
  MemoryBus,
  type MemoryTransport,
  memoryKeyValue,
  NatsTransport,
  natsKeyValue,
  type Transport,
  TransportSuspended,
} from '../../runtime/mod.ts';
import { startTestServer, type TestServer } from './transport-nats-server.ts';

export interface Drivers {
  start(): Promise<void>;
  connect(): Promise<Transport>;
  /** The same store for the same name. */
  store(transport: Transport, name: string): Promise<KeyValue>;
  /** Cuts transport and store, as the death of the server does. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  stop(): Promise<void>;
}

export function memoryDrivers(): Drivers {
  let bus: MemoryBus;
  let connections: MemoryTransport[] = [];
  const stores = new Map<string, KeyValue>();
  return {
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
  };
}

/** A store that is away while its transport is, as JetStream's is. */
function reachedOver(transport: Transport, store: KeyValue): KeyValue {
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

export function natsDrivers(): Drivers {
  let server: TestServer;
  return {
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
  };
}
