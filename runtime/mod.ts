/** The distributed actor runtime: messages, transport, store, cells, workers. Knows nothing of VMs. */
export { type Address, actorSubject, addressOf, parseAddress } from './address.ts';
export {
  type ActorDefinition,
  type ActorMessage,
  type AnyActorDefinition,
  type DefinitionOptions,
  defineActor,
  type MessageOf,
  type ReplyTo,
  type ViewOf,
} from './cell/mod.ts';
export { type Clock, systemClock } from './clock.ts';
export { type CodecLimits, decode, decodeMessagePackOrJson, encode } from './codec.ts';
export {
  type CommandLog,
  type Courier,
  DeadLetterClient,
  type DeadLetterRow,
  memoryCommandLog,
  natsCommandLog,
  partitionOf,
  type ReadOptions,
  redrive,
  serveDeadLetters,
  startCourier,
  type TakenCommand,
} from './commands/mod.ts';
export { type Envelope, encodeEnvelope } from './envelope.ts';
export * from './errors.ts';
export { decodeFrame, encodeFrame, type Frame } from './frame.ts';
export {
  type ActorRow,
  type ActorView,
  type Chart,
  type ChartState,
  type ChartTransition,
  chartOf,
  chartToMermaid,
  currentPaths,
  InspectionClient,
  labelOf,
  type NodeView,
  serveInspection,
  stateText,
  type WatchBatch,
  type WatchQuery,
  type WatchRecord,
} from './inspect/mod.ts';
export { type Placement, placeOf } from './place.ts';
export {
  type KeyValue,
  type KeyValueChange,
  type KeyValueEntry,
  type KeyValueWatch,
  memoryKeyValue,
  type NatsKeyValueOptions,
  natsKeyValue,
} from './store/mod.ts';
export {
  type ActorBehaviour,
  type ActorContext,
  type ActorRef,
  type ActorSystem,
  type ActorSystemOptions,
  type AskOptions,
  createActorSystem,
  type FailureReport,
  type InspectionKind,
  type InspectionRecord,
  type ResumeReport,
  type StoredActor,
  type WatchOptions,
} from './system/mod.ts';
export {
  connectNats,
  createMux,
  MemoryBus,
  type MemoryTransport,
  type Mux,
  type MuxOptions,
  type NatsOptions,
  NatsTransport,
  type NatsUser,
  type RequestContext,
  type RequestOptions,
  type StreamContext,
  type StreamOptions,
  type Subscription,
  type Transport,
  type TransportMessage,
  type TransportStatus,
} from './transport/mod.ts';
export {
  type CallContext,
  SandboxDenied,
  serveWorker,
  spawnWorker,
  type WorkerCallOptions,
  type WorkerContract,
  type WorkerExit,
  type WorkerHandlers,
  type WorkerPermissions,
  type WorkerPort,
  type WorkerProcessPort,
  type WorkerScope,
  type WorkerSpawnOptions,
} from './worker/mod.ts';
