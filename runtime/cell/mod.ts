/** One live actor: its definition, mailbox, snapshot and effects. */
export { Cell } from './cell.ts';
export type { CommandPosition } from './command-mark.ts';
export {
  type ActorDefinition,
  type ActorMessage,
  type AnyActorDefinition,
  type DefinitionOptions,
  defineActor,
  type MessageOf,
  type RepliesOf,
  type ReplyTo,
  type ViewOf,
} from './definition.ts';
export { fenceActor } from './fence.ts';
export type { CellReport, InspectionKind, InspectionRecord } from './inspection.ts';
export {
  actorKey,
  decodeRecord,
  reviveSnapshot,
  storeFilter,
  storeKey,
} from './record.ts';
export type { CellHooks, Delivery, LiveActor, Occasion, Tenure } from './wiring.ts';
