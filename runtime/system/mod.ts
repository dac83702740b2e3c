/** The actor system of one node. */

export type { CellReport, InspectionKind, InspectionRecord } from '../cell/mod.ts';
export type {
  ActorBehaviour,
  ActorContext,
  ActorDescription,
  ActorRef,
  ActorSystem,
  ActorSystemOptions,
  AskOptions,
  FailureReport,
  ResumeReport,
  StoredActor,
  WatchOptions,
} from './port.ts';
export { createActorSystem } from './system.ts';
