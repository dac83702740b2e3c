/** For tests of what runs on this runtime: a deterministic simulation of a cluster in virtual time. */
export { everyFault, type Faults, noFaults, type Range, type Recurring } from './faults.ts';
export type { NodeProgram, SimulatedNode } from './machine.ts';
export {
  type ClusterScenarioOptions,
  type ClusterScenarioOutcome,
  runClusterScenario,
} from './scenario/scenario.ts';
export { Simulation, type SimulationOptions, type Truth } from './simulation.ts';
