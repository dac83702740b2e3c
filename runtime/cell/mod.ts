/** One live actor: its definition, mailbox, snapshot and effects. */
export { Cell, type CellHooks, type Occasion } from './cell.ts';
export {
  type ActorDefinition,
  type ActorMessage,
  type AnyActorDefinition,
  type DefinitionOptions,
  defineActor,
  type MessageOf,
  type RepliesOf,
  type ReplyTo,
} from './definition.ts';
export type { CellReport, InspectionKind, InspectionRecord } from './inspection.ts';
export { actorKey, decodeRecord, reviveSnapshot, storeKey } from './record.ts';
