/** Durable key-value storage. */
export { memoryKeyValue } from './memory.ts';
export { type NatsKeyValueOptions, natsKeyValue } from './nats.ts';
export type { KeyValue, KeyValueChange, KeyValueEntry, KeyValueWatch } from './port.ts';
