/** Durable commands: a log of them, couriers that take them to actors, dead letters and their redrive. */
export { DeadLetterClient } from './client.ts';
export {
  type Courier,
  type CourierOptions,
  type CourierStats,
  type DeliveryFailure,
  startCourier,
} from './courier.ts';
export type { DeadLetterRow } from './dead-letter-messages.ts';
export { type MemoryCommandLogOptions, memoryCommandLog } from './memory.ts';
export { type NatsCommandLogOptions, natsCommandLog } from './nats.ts';
export {
  type Burial,
  type CommandLog,
  type CommandReader,
  type DeadLetter,
  type DeadLetterPage,
  type DeadLetterQuery,
  type NewCommand,
  partitionOf,
  type ReadOptions,
  type StoredCommand,
  type TakenCommand,
} from './port.ts';
export { redrive } from './redrive.ts';
export { serveDeadLetters } from './serve.ts';
