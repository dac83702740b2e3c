/** Looking at the actors of a running system: what there is, how one is, what happens, and what its chart is. */
export { type Chart, type ChartState, type ChartTransition, chartOf } from './chart.ts';
export { InspectionClient } from './client.ts';
export { chartToMermaid, labelOf } from './mermaid.ts';
export type {
  ActorRow,
  ActorView,
  NodeView,
  WatchBatch,
  WatchQuery,
  WatchRecord,
} from './messages.ts';
export { serveInspection } from './serve.ts';
export { currentPaths, stateText } from './state-value.ts';
