/** The shadow actor: watches one job, has its demand forecast and its resources moved, and can say why. */
export { type ShadowNeighbours, shadowActor, shadowBehaviour } from './actor.ts';
export {
  type Assessment,
  assess,
  type DemandPhase,
  parsePhaseNote,
  type Rise,
  type Run,
  type TimedAllocation,
} from './assess.ts';
