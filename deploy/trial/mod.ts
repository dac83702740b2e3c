/** Trials: the pattern job under a policy, shown live and judged. */
export { LiveView } from './live-view.ts';
export { recordDemand } from './record-demand.ts';
export { comparison, riseLines, trialJson } from './report.ts';
export { DEMO_SCENARIO, type TrialPolicy, type TrialScenario } from './scenario.ts';
export { runTrial, type TrialOptions, type TrialResult } from './trial.ts';
