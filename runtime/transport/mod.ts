/** Subjects over NATS or in memory, and request/reply on top of them. */

export { NO_ANSWER, type RequestContext, type StreamContext } from './context.ts';
export { MemoryBus, type MemoryTransport } from './memory.ts';
export { createMux, type Mux, type MuxOptions, type RequestOptions, type StreamOptions } from './mux.ts';
export { connectNats, type NatsOptions, NatsTransport, type NatsUser } from './nats.ts';
export type { Subscription, Transport, TransportMessage, TransportStatus } from './port.ts';
