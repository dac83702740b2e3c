/** Operations on VMs: checkpoints, rollbacks, migrations, warm capacity; journalled, cancellable, finished or undone after a crash. */
export { type Journal, operationJournal } from './journal.ts';
export {
  type Operation,
  type OperationProgress,
  type OperationReport,
  type OperationUnderWay,
  operationSchema,
  type Task,
  type TaskResult,
} from './operation.ts';
export { Operations, type Removal } from './operations.ts';
